internal import Foundation
internal import Warren
internal import WarrenOperations

/// What is around every page: title, navigation, who is here, and the last action's outcome.
struct Frame {
  let call: Call
  let page: Page
  /// How many dead letters there are, for the navigation; `nil` when the broker was not asked.
  var deadLetters: Int?
  var engine: String

  /// The whole document.
  var document: String {
    let configuration = call.desk.configuration
    let title = "\(page.title) – \(configuration.title)\(configuration.environment.map { " (\($0))" } ?? "")"
    let head = HTML([
      HTML(markup: "<meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"),
      HTML(markup: "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">"),
      Tags.element(title),
      Tags.link(Attribute("rel", "icon"), .type("image/svg+xml"), .href(call.link(Assets.icon.path))),
      Tags.link(Attribute("rel", "stylesheet"), .href(call.link(Assets.style.path)), .nonce(call.nonce)),
      Tag("script")(.src(call.link(Assets.script.path)), .nonce(call.nonce)) { HTML.empty },
      page.refreshes ? HTML(markup: "<meta http-equiv=\"refresh\" content=\"1\">") : .empty,
    ])
    return "<!doctype html>\n<html lang=\"en\"><head>\(head.markup)</head>\(body.markup)</html>\n"
  }

  private var body: HTML {
    Tag("body")(Attribute("data-stream", page.isLive ? stream.text : nil)) {
      Tags.a(Attribute("href", "#content"), .class("skip")) { "Skip to the content" }
      Tags.header(.class("side")) {
        brand
        navigation
        about
      }
      Tags.main(.id("content"), Attribute("tabindex", "-1")) {
        top
        notice
        for region in page.regions { Tags.div(.id("region-\(region.id)"), .class("region")) { region.content } }
        Tags.footer(.class("foot")) {
          Tags.span { "As of " }
          Tags.time(Attribute("datetime", Show.iso(call.now))) { Show.text(call.now) }
          Tags.a(.href(call.here), .id("refresh")) { "Refresh" }
        }
      }
    }
  }

  private var stream: Link {
    var link = call.link("stream")
    link.fields = [Link.Field(name: "page", value: call.path)] + call.here.fields
    return link
  }

  private var brand: HTML {
    let configuration = call.desk.configuration
    return Tags.div(.class("brand")) {
      Tags.a(.href(call.link()), .class("name")) {
        Icon.brand
        Tags.span { configuration.title }
      }
      if let environment = configuration.environment {
        Tags.span(.class(configuration.isProduction ? "environment production" : "environment")) {
          Tags.span(.class("unseen")) { "Environment: " }
          environment
        }
      }
    }
  }

  private var navigation: HTML {
    Tags.nav(.label("Pages")) {
      Tags.ul {
        for section in call.desk.sections {
          Tags.li {
            Tags.a(
              .href(call.link(section.path)),
              Attribute("aria-current", page.section == section ? "page" : nil), Attribute("data-key", section.key)
            ) {
              Icon.of(section)
              Tags.span { section.title }
              if section == .deadLetters, let deadLetters, deadLetters > 0 {
                Tags.span(.class("count"), .title(Show.count(deadLetters, "dead letter"))) { Show.number(deadLetters) }
              }
            }
          }
        }
      }
    }
  }

  private var about: HTML {
    Tags.div(.class("about")) {
      Tags.p(.title("The engine")) { engine }
      Tags.p {
        call.visitor.name
        Tags.span(.class("muted")) { " · \(call.visitor.role.rawValue)" }
      }
      Tags.button(.type("button"), .class("quiet"), .id("theme"), Attribute("hidden", if: true)) { "Light or dark" }
    }
  }

  private var top: HTML {
    Tags.div(.class("top")) {
      Tags.div {
        if !page.trail.isEmpty {
          Tags.nav(.class("trail"), .label("Where this is")) {
            for place in page.trail {
              Tags.a(.href(place.link)) { place.title }
              Tags.span(Attribute("aria-hidden", "true")) { " / " }
            }
          }
        }
        Tags.h1 { page.title }
      }
      if page.isLive {
        Tags.div(.class("live")) {
          Tags.button(.type("button"), .id("live"), .class("quiet"), Attribute("hidden", if: true)) { "Live" }
        }
      }
    }
  }

  private var notice: HTML {
    guard let notice = Notice(call.fields) else { return .empty }
    return Tags.div(.class(notice.stayed + notice.missing > 0 ? "notice warning" : "notice good"), .role("status")) {
      Tags.span(Attribute("aria-hidden", "true")) { notice.stayed + notice.missing > 0 ? "▲ " : "✓ " }
      notice.text
      if notice.word == .deleted, call.operations.restoresDeadLetters, call.may(.delete) {
        " "
        Tags.a(.href(call.link("dead-letters/deleted"))) { "Undo: see what was deleted" }
      }
    }
  }
}

extension Notice {
  var text: String {
    var text =
      switch word {
      case .paused: "The queue is paused: nothing is handed out until it is resumed."
      case .resumed: "The queue is resumed."
      case .purged: "\(Show.count(count, "message")) deleted."
      case .replayed: "\(Show.count(count, "dead letter")) sent back to work."
      case .deleted: "\(Show.count(count, "dead letter")) deleted."
      case .restored: "\(Show.count(count, "dead letter")) put back."
      case .edited: "The changed copy was published, and the dead letter is gone."
      case .enqueued: "The job is enqueued."
      case .repeated: "The queue has, or lately had, a job with this key: it was not stored again."
      case .hastened: "The message waits for a worker now."
      case .cancelled: "\(Show.count(count, "handler")) asked to end."
      case .begun:
        "\(Show.count(count, "dead letter")) are worked off in the background. This page may be left: it goes on."
      case .schedulePaused: "The schedule is paused: its ticks are left out until it is resumed."
      case .scheduleResumed: "The schedule is resumed. The ticks of the pause are left out."
      case .scheduleRun: "A run is asked for. The process that runs the schedule enqueues it within a second or two."
      case .retried: "\(Show.count(count, "message")) of the outbox tried again now."
      case .marked: "The group is marked. One that is resolved is shown as returned when it gets another dead letter."
      case .discarded: "\(Show.count(count, "message")) of the outbox discarded."
      case .broken: "It ends before its next step. \(Show.count(count, "dead letter")) stay as they are."
      }
    if stayed > 0 { text += " \(Show.number(stayed)) stayed, because the queue that gave up on them is gone." }
    if missing > 0 {
      text +=
        " \(Show.number(missing)) were not there any more: \(word == .restored ? "they stay deleted" : "replayed or deleted meanwhile")."
    }
    return text
  }
}

extension Tags {
  /// The title of a document.
  static func element(_ title: String) -> HTML { Tag("title") { title } }
}

extension Page.Section {
  var path: String {
    switch self {
    case .overview: ""
    case .queues: "queues"
    case .deadLetters: "dead-letters"
    case .failures: "failures"
    case .workers: "workers"
    case .schedules: "schedules"
    case .outbox: "outbox"
    case .topology: "topology"
    case .broker: "broker"
    case .operations: "operations"
    case .audit: "audit"
    }
  }
  var title: String {
    switch self {
    case .overview: "Overview"
    case .queues: "Queues"
    case .deadLetters: "Dead letters"
    case .failures: "Failures"
    case .workers: "Workers"
    case .schedules: "Schedules"
    case .outbox: "Outbox"
    case .topology: "Topology"
    case .broker: "Broker"
    case .operations: "Operations"
    case .audit: "Audit"
    }
  }
  /// What is pressed after `g` to go there.
  var key: String {
    switch self {
    case .overview: "o"
    case .queues: "q"
    case .deadLetters: "d"
    case .failures: "f"
    case .workers: "w"
    case .schedules: "s"
    case .outbox: "x"
    case .topology: "t"
    case .broker: "b"
    case .operations: "p"
    case .audit: "a"
    }
  }
}
