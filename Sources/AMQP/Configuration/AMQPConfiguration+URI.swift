extension AMQPConfiguration {
  /// Reads an `amqp://` or `amqps://` URI as RabbitMQ's URI specification says.
  ///
  /// What is absent gets the client's default: guest, localhost, 5672 or 5671, virtual host `/`. Note the specification's
  /// trap: `amqp://host` is the virtual host `/`, but `amqp://host/` is the one whose name is empty; `amqp://host/%2f` is `/`.
  ///
  /// Query keys: `heartbeat` (s), `connection_timeout` (ms), `channel_max`, `frame_max`, `auth_mechanism` (`plain` or
  /// `external`), `cacertfile`, `certfile`, `keyfile`, `verify` (`verify_peer` or `verify_none`),
  /// `server_name_indication`, `name`.
  ///
  /// - throws: ``AMQPError`` with ``AMQPError/Code/invalidURI``. The message does not repeat the URI, which may hold a password.
  public init(uri: String) throws(AMQPError) {
    let parser = try URIParser(uri)
    self.init(
      endpoints: [parser.endpoint], credentials: parser.credentials, virtualHost: parser.virtualHost ?? "/",
      tls: parser.isTLS ? AMQPTLS() : nil)
    for (key, value) in parser.query { try apply(key, value) }
  }

  /// Reads several URIs of one cluster: they may differ in host and port only.
  public init(uris: [String]) throws(AMQPError) {
    guard let first = uris.first else { throw AMQPError(.invalidURI, "There is no URI: name at least one broker.") }
    try self.init(uri: first)
    for uri in uris.dropFirst() {
      let other = try AMQPConfiguration(uri: uri)
      guard other.credentials == credentials, other.virtualHost == virtualHost, other.tls == tls else {
        throw AMQPError(
          .invalidURI,
          "The URIs of a cluster differ in user, password, virtual host or TLS. Only host and port may differ.")
      }
      endpoints += other.endpoints
    }
  }

  private mutating func apply(_ key: String, _ value: String) throws(AMQPError) {
    func number(_ range: ClosedRange<Int>) throws(AMQPError) -> Int {
      guard let number = Int(value), range.contains(number) else {
        throw AMQPError(
          .invalidURI, "The URI's \(key) must be a number from \(range.lowerBound) to \(range.upperBound).")
      }
      return number
    }
    switch key {
    case "heartbeat": heartbeat = .seconds(try number(0...65535))
    case "connection_timeout": connectTimeout = .milliseconds(try number(1...86_400_000))
    case "channel_max": channelMax = try number(0...65535)
    case "frame_max": frameMax = try number(8192...(1 << 30))
    case "name", "connection_name": name = value
    case "auth_mechanism":
      switch value.lowercased() {
      case "plain": break
      case "external": credentials = .external
      default: throw AMQPError(.invalidURI, "The URI's auth_mechanism must be plain or external.")
      }
    case "cacertfile", "certfile", "keyfile", "verify", "server_name_indication": try applyTLS(key, value)
    default:
      throw AMQPError(
        .invalidURI,
        "The URI's query has the unknown key \(key.prefix(40)). Check its spelling: there are heartbeat, connection_timeout, "
          + "channel_max, frame_max, name, auth_mechanism, cacertfile, certfile, keyfile, verify and server_name_indication."
      )
    }
  }

  private mutating func applyTLS(_ key: String, _ value: String) throws(AMQPError) {
    guard var tls else { throw AMQPError(.invalidURI, "The URI's \(key) is for TLS: use amqps://.") }
    switch (key, value) {
    case ("cacertfile", _): tls.authoritiesFile = value
    case ("certfile", _): tls.certificateFile = value
    case ("keyfile", _): tls.keyFile = value
    case ("server_name_indication", _): tls.serverName = value
    case (_, "verify_peer"): tls.verification = .full
    case (_, "verify_none"): tls.verification = .none
    default: throw AMQPError(.invalidURI, "The URI's verify must be verify_peer or verify_none.")
    }
    self.tls = tls
  }
}

/// The parts of an AMQP URI.
struct URIParser {
  let isTLS: Bool
  private(set) var endpoint: AMQPConfiguration.Endpoint
  private(set) var credentials = AMQPCredentials.guest
  /// `nil` when there is no slash after the authority, which is not the same as an empty name.
  private(set) var virtualHost: String?
  private(set) var query: [(String, String)] = []

  init(_ uri: String) throws(AMQPError) {
    guard let separator = uri.firstRange(of: "://") else { throw Self.error("It must begin with amqp:// or amqps://") }
    switch uri[..<separator.lowerBound].lowercased() {
    case "amqp": isTLS = false
    case "amqps": isTLS = true
    default: throw Self.error("It must begin with amqp:// or amqps://")
    }
    endpoint = .init(port: isTLS ? 5671 : 5672)
    var rest = uri[separator.upperBound...]
    guard !rest.contains("#") else { throw Self.error("It must not have a fragment (#); write %23 for the character") }
    if let mark = rest.firstIndex(of: "?") {
      try parseQuery(rest[rest.index(after: mark)...])
      rest = rest[..<mark]
    }
    if let slash = rest.firstIndex(of: "/") {
      let path = rest[rest.index(after: slash)...]
      guard !path.contains("/") else {
        throw Self.error("Its path has more than one segment; write %2F for a slash in the virtual host or a password")
      }
      virtualHost = try Self.decode(path)
      rest = rest[..<slash]
    }
    try parseAuthority(rest)
  }

  private mutating func parseAuthority(_ authority: Substring) throws(AMQPError) {
    var host = authority
    if let at = authority.lastIndex(of: "@") {
      let user = authority[..<at]
      host = authority[authority.index(after: at)...]
      if let colon = user.firstIndex(of: ":") {
        credentials = .plain(
          user: try Self.decode(user[..<colon]), password: try Self.decode(user[user.index(after: colon)...]))
      } else {
        credentials = .plain(user: try Self.decode(user), password: "guest")
      }
    }
    var port: Substring?
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { throw Self.error("Its IPv6 address has no closing bracket") }
      let address = host[host.index(after: host.startIndex)..<end]
      let after = host[host.index(after: end)...]
      guard after.isEmpty || after.hasPrefix(":") else { throw Self.error("Something follows its IPv6 address") }
      if after.hasPrefix(":") { port = after.dropFirst() }
      endpoint.host = try Self.decode(address)
    } else {
      if let colon = host.firstIndex(of: ":") {
        port = host[host.index(after: colon)...]
        host = host[..<colon]
      }
      if !host.isEmpty { endpoint.host = try Self.decode(host) }
    }
    if let port, !port.isEmpty {
      guard let number = Int(port), (1...65535).contains(number) else {
        throw Self.error("Its port is not a number from 1 to 65535; write %2F for a slash in a password")
      }
      endpoint.port = number
    }
  }

  private mutating func parseQuery(_ text: Substring) throws(AMQPError) {
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw Self.error(
          "Its query has a key without a value: write key=value, and %3F for a question mark in a password")
      }
      query.append((try Self.decode(parts[0]), try Self.decode(parts[1])))
    }
  }

  /// Percent decoding. A plus sign is a plus sign.
  static func decode(_ text: Substring) throws(AMQPError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hex), let low = rest.popFirst().flatMap(hex) else {
        throw error("A % is not followed by two hexadecimal digits; write %25 for the character")
      }
      bytes.append(high << 4 | low)
    }
    guard let string = String(validating: bytes, as: UTF8.self) else { throw error("It is not UTF-8 once decoded") }
    return string
  }

  private static func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  private static func error(_ text: String) -> AMQPError {
    AMQPError(.invalidURI, "The AMQP URI cannot be read. \(text).")
  }
}
