/// The part of a long list that one page shows, and the way to the rest.
struct Paged<Element> {
  /// What is shown.
  let shown: ArraySlice<Element>
  private let total: Int
  private let field: String

  /// How many a page shows.
  private static var size: Int { 100 }

  /// - Parameter field: the field of the address that says how many come before. Where that is nothing of this list, the list is
  ///   shown from its beginning.
  init(_ all: [Element], _ call: Call, field: String = "from") {
    let before = call.fields[field].flatMap { Int($0) } ?? 0
    let first = all.indices.contains(before) ? before : 0
    shown = all[first..<min(first + Self.size, all.count)]
    total = all.count
    self.field = field
  }

  /// Where in the list this is, and links to what comes before and after; nothing where all is shown.
  ///
  /// - Parameter what: what the list holds, as a screen reader says it: `queues`.
  func links(_ what: String, _ call: Call) -> HTML {
    if shown.count == total { return .empty }
    return Tags.nav(.class("bar"), .label("Pages of \(what)")) {
      Tags.span(.class("muted")) {
        "\(Show.number(shown.startIndex + 1)) to \(Show.number(shown.endIndex)) of \(Show.number(total)) \(what)"
      }
      Tags.span(.class("push")) {
        if shown.startIndex > 0 { Tags.a(.href(page(shown.startIndex - Self.size, call))) { "Previous \(Self.size)" } }
        if shown.startIndex > 0, shown.endIndex < total { " · " }
        if shown.endIndex < total {
          Tags.a(.href(page(shown.endIndex, call))) { "Next \(min(Self.size, total - shown.endIndex))" }
        }
      }
    }
  }

  private func page(_ before: Int, _ call: Call) -> Link {
    var link = call.here
    link.fields.removeAll { $0.name == field }
    return link.with(field, before > 0 ? "\(before)" : nil)
  }
}
