internal import AMQP
internal import Foundation
internal import Warren

/// The URL of a RabbitMQ: what the AMQP client reads of it, and where it says that the management API is.
struct Address {
  /// The URL without the management API.
  let uri: String
  /// The management API, where it is named.
  let management: URL?
  /// Whom the management API is asked as, unless its own address says that: the AMQP client does not give a password back.
  let credentials: (user: String, password: String)

  /// - Throws: ``BrokerError/Code/invalid`` when it names something that is no address. The message does not show it.
  init(_ url: String) throws(BrokerError) {
    let parts = url.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let pairs = parts.dropFirst().first?.split(separator: "&") ?? []
    let key = "management"
    credentials = Self.credentials(in: parts[0])
    let others = pairs.filter { $0 != key && !$0.hasPrefix(key + "=") }
    guard let named = pairs.first(where: { $0 == key || $0.hasPrefix(key + "=") }) else {
      // The AMQP client says what is wrong with it.
      (uri, management) = (url, nil)
      return
    }
    uri = parts[0] + (others.isEmpty ? "" : "?" + others.joined(separator: "&"))
    let value = String(named.dropFirst(key.count + 1))
    guard pairs.count - others.count == 1,
      let management = Self.web(value) ?? value.removingPercentEncoding.flatMap(Self.web)
    else {
      throw BrokerError(
        .invalid,
        "the URL of RabbitMQ does not say where the management API is: write ?management=http://HOST:15672, or leave that out "
          + "where it is on the broker's host, on port 15672")
    }
    self.management = management
  }

  private static func credentials(in url: Substring) -> (user: String, password: String) {
    let authority = url.firstRange(of: "://").map { url[$0.upperBound...].prefix { $0 != "/" } } ?? ""
    guard let at = authority.lastIndex(of: "@") else { return ("guest", "guest") }
    let words = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      .map { $0.removingPercentEncoding ?? String($0) }
    return (words[0], words.count > 1 ? words[1] : "guest")
  }

  private static func web(_ text: String) -> URL? {
    guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
      url.host?.isEmpty == false, url.port.map((1...65_535).contains) ?? true, url.query == nil, url.fragment == nil
    else { return nil }
    // A port beyond all numbers is none to Foundation.
    let authority = text.firstRange(of: "://").map { text[$0.upperBound...].prefix { !"/?#".contains($0) } } ?? ""
    let host = authority.split(separator: "@").last ?? ""
    return url.port == nil && host.split(separator: "]").last?.contains(":") == true ? nil : url
  }

  /// Where the management API is unless that is said.
  static func derived(from amqp: AMQPConfiguration) -> URL? {
    let isSecure = amqp.tls != nil
    let host = amqp.endpoints.first?.host ?? "localhost"
    var parts = URLComponents()
    parts.scheme = isSecure ? "https" : "http"
    parts.host = host.contains(":") ? "[\(host)]" : host
    parts.port = isSecure ? 15671 : 15672
    return parts.url
  }
}
