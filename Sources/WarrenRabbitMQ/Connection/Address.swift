internal import Foundation

/// The parts of a URL that the AMQP client does not give back or does not know.
struct Address {
  let uri: String
  let management: URL?
  let credentials: (user: String, password: String)?

  init(_ url: String) {
    guard var parts = URLComponents(string: url) else {
      // The AMQP client says what is wrong with it.
      (uri, management, credentials) = (url, nil, nil)
      return
    }
    credentials = (parts.user ?? "guest", parts.password ?? "guest")
    let items = parts.queryItems ?? []
    if let named = items.first(where: { $0.name == "management" })?.value.flatMap({ URL(string: $0) }) {
      let others = items.filter { $0.name != "management" }
      parts.queryItems = others.isEmpty ? nil : others
      uri = parts.string ?? url
      management = named
    } else {
      uri = url
      let isSecure = parts.scheme?.lowercased() == "amqps"
      var derived = URLComponents()
      derived.scheme = isSecure ? "https" : "http"
      derived.host = parts.host ?? "localhost"
      derived.port = isSecure ? 15671 : 15672
      management = derived.url
    }
  }
}
