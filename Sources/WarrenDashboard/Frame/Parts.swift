internal import Foundation
internal import Warren
internal import WarrenOperations

/// Parts that several pages have.
enum Parts {
  /// A word with a mark, so that nothing depends on colour alone.
  static func badge(_ text: String, _ tone: Tone) -> HTML {
    Tags.span(.class("badge \(tone.rawValue)")) {
      Tags.span(.class("mark"), Attribute("aria-hidden", "true")) { tone.mark }
      text
    }
  }

  /// How something is.
  enum Tone: String {
    case good, info, warning, bad, quiet

    var mark: String {
      switch self {
      case .good: "●"
      case .info: "◆"
      case .warning: "▲"
      case .bad: "■"
      case .quiet: "○"
      }
    }

    init(_ kind: Hindrance.Kind) {
      self =
        switch kind {
        case .noWorker, .unknownName: .bad
        case .paused, .deadLetters, .suspect, .expired: .warning
        case .delayed, .concurrency: .info
        }
    }

    init(_ severity: Finding.Severity) {
      self =
        switch severity {
        case .fine: .good
        case .warning: .warning
        case .problem: .bad
        }
    }
  }

  static func state(_ queue: QueueStatus) -> HTML {
    switch queue.state {
    case .active: badge(queue.consumers > 0 ? "active" : "idle", queue.consumers > 0 ? .good : .quiet)
    case .paused: badge("paused", .warning)
    case .unattended: badge("no worker", .bad)
    case .mayHoldDeadLetters: badge("may hold dead letters", .warning)
    case .deadLetters: badge("dead letters", queue.ready > 0 ? .warning : .quiet)
    }
  }

  /// An id that one click copies; without scripts it can be selected.
  static func id(_ id: String) -> HTML {
    Tags.span(.class("copy")) {
      Tags.code { id }
      Tags.button(.type("button"), .class("icon"), Attribute("data-copy", id), .label("Copy \(id)"), .title("Copy")) {
        Icon.copy
      }
    }
  }

  /// A part of a page with a title.
  static func card(_ title: String?, _ attributes: Attribute..., @HTMLBuilder content: () -> HTML) -> HTML {
    Tags.section([.class("card")] + attributes) {
      if let title { Tags.h2 { title } }
      content()
    }
  }

  /// A number that is looked at first; with a link where a page tells more.
  static func tile(_ what: String, _ value: String, _ more: String, _ tone: Tone, _ link: Link? = nil) -> HTML {
    let content = HTML([
      Tags.p(.class("what")) { what }, Tags.p(.class("value")) { value }, Tags.p(.class("more")) { more },
    ])
    if let link { return Tags.a(.class("tile \(tone.rawValue)"), .href(link)) { content } }
    return Tags.div(.class("tile \(tone.rawValue)")) { content }
  }

  /// What stands where there is nothing: why, and what to do.
  static func empty(_ title: String, @HTMLBuilder _ text: () -> HTML) -> HTML {
    Tags.div(.class("empty")) {
      Tags.p(.class("empty-title")) { title }
      Tags.p { text() }
    }
  }

  /// A name and what it is.
  static func row(_ name: String, _ value: HTML?) -> HTML {
    guard let value else { return .empty }
    return HTML([Tags.dt { name }, Tags.dd { value }])
  }

  static func text(_ value: String?) -> HTML? { value.flatMap { $0.isEmpty ? nil : HTML($0) } }

  /// A form that does something when its button is pressed.
  static func form(
    _ call: Call, to path: String, class name: String? = nil, _ hidden: [(String, String?)] = [],
    @HTMLBuilder content: () -> HTML
  ) -> HTML {
    Tags.form(Attribute("method", "post"), Attribute("action", call.link(path).text), .class(name)) {
      hiddenFields([(Forgery.field, call.token)] + hidden)
      content()
    }
  }

  static func hiddenFields(_ fields: [(String, String?)]) -> HTML {
    HTML(
      fields.compactMap { name, value in
        guard let value, !value.isEmpty else { return nil }
        return Tags.input(.type("hidden"), .name(name), .value(value))
      })
  }

  static func button(_ title: String, _ kind: StaticString = "") -> HTML {
    Tags.button(.type("submit"), .class("button \(kind)")) { title }
  }

  /// A column of a table; `data-label` names the cell where a narrow screen stacks the cells of a row.
  static func cell(_ label: StaticString, number: Bool = false, @HTMLBuilder _ content: () -> HTML) -> HTML {
    Tags.td(Attribute("data-label", label.description), .class(number ? "number" : nil)) { content() }
  }

  static func head(_ titles: (String, Bool)...) -> HTML {
    Tags.thead {
      Tags.tr {
        for (title, number) in titles { Tags.th(.scope("col"), .class(number ? "number" : nil)) { title } }
      }
    }
  }

  /// What was found, with the way to fix it.
  static func findings(_ findings: [Finding], _ call: Call) -> HTML {
    Tags.ul(.class("findings")) {
      for finding in findings {
        Tags.li {
          badge(finding.severity.rawValue, Tone(finding.severity))
          Tags.div {
            Tags.span { finding.text }
            if let fix = finding.fix { self.fix(fix, call) }
          }
        }
      }
    }
  }

  /// Why something is not running.
  static func hindrances(_ hindrances: [Hindrance], waits: Bool, _ call: Call) -> HTML {
    Tags.ul(.class("findings")) {
      for hindrance in hindrances {
        Tags.li {
          badge(hindrance.kind.rawValue.replacing("-", with: " "), .init(hindrance.kind))
          Tags.div {
            Tags.span { hindrance.text }
            if let fix = hindrance.fix { self.fix(fix, call) }
          }
        }
      }
      if hindrances.isEmpty { Tags.li { waits ? "Nothing is known to be in the way." : "Nothing waits." } }
    }
  }

  /// A fix in words, and a link where a page can help.
  static func fix(_ fix: Fix, _ call: Call) -> HTML {
    let text = fix.text.prefix(1).uppercased() + fix.text.dropFirst()
    return Tags.span(.class("fix")) {
      switch (fix.action, fix.queue) {
      case (.resumeQueue, let queue?), (.startWorker, let queue?):
        Tags.a(.href(call.link("queue").with("name", queue.rawValue))) { text }
      case (.readDeadLetters, let queue?):
        Tags.a(.href(call.link("dead-letters").with("queue", queue.rawValue))) { text }
      case (.applyTopology, _): Tags.a(.href(call.link("topology"))) { text }
      default: text
      }
    }
  }
}
