internal import HTTPTypes

/// What is shown when a page cannot be.
enum ErrorPage {
  static func page(_ refusal: Refusal, _ call: Call) -> Page {
    Page(
      title: title(refusal.status), section: section(call.path), status: refusal.status,
      regions: [
        .init(
          id: "error",
          content: Parts.card(nil) {
            Parts.empty("\(refusal.text.prefix(1).uppercased())\(refusal.text.dropFirst())") {
              Tags.a(.href(call.link())) { "To the overview" }
            }
          })
      ])
  }

  private static func title(_ status: HTTPResponse.Status) -> String {
    switch status {
    case .notFound: "Not there"
    case .forbidden: "Not allowed"
    case .badRequest: "Not understood"
    case .conflict: "Another person was quicker"
    case .serviceUnavailable: "The broker cannot be reached now"
    case .notImplemented: "This engine cannot do it"
    default: "It did not work"
    }
  }

  private static func section(_ path: String) -> Page.Section {
    Page.Section.allCases.filter { !$0.path.isEmpty }
      .first { path.hasPrefix($0.path) || path.hasPrefix(String($0.path.dropLast())) } ?? .overview
  }
}
