import Testing

@testable import AMQP

@Suite("URIs and configuration")
struct URITests {
  struct Case: Sendable, CustomStringConvertible {
    let uri: String
    var host = "localhost"
    var port = 5672
    var user = "guest"
    var password = "guest"
    var virtualHost = "/"
    var description: String { uri }
  }

  /// The examples of the specification's appendix, with the defaults of this client.
  @Test(
    "The specification's examples",
    arguments: [
      Case(
        uri: "amqp://user:pass@host:10000/vhost", host: "host", port: 10000, user: "user", password: "pass",
        virtualHost: "vhost"),
      Case(
        uri: "amqp://user%61:%61pass@ho%61st:10000/v%2fhost", host: "hoast", port: 10000, user: "usera",
        password: "apass", virtualHost: "v/host"), Case(uri: "amqp://"),
      Case(uri: "amqp://:@/", user: "", password: "", virtualHost: ""), Case(uri: "amqp://user@", user: "user"),
      Case(uri: "amqp://user:pass@", user: "user", password: "pass"), Case(uri: "amqp://host", host: "host"),
      Case(uri: "amqp://:10000", port: 10000), Case(uri: "amqp:///vhost", virtualHost: "vhost"),
      Case(uri: "amqp://host/", host: "host", virtualHost: ""), Case(uri: "amqp://host/%2f", host: "host"),
      Case(uri: "amqp://[::1]", host: "::1"), Case(uri: "AMQP://[::1]:99/a", host: "::1", port: 99, virtualHost: "a"),
      Case(uri: "amqps://h", host: "h", port: 5671),
      Case(uri: "amqp://a:b%40c%2F%3a@h", host: "h", user: "a", password: "b@c/:"),
      Case(uri: "amqp://a+b:c@h", host: "h", user: "a+b", password: "c"),
    ])
  func examples(_ test: Case) throws {
    let configuration = try AMQPConfiguration(uri: test.uri)
    #expect(configuration.endpoints == [.init(host: test.host, port: test.port)])
    #expect(configuration.credentials == .plain(user: test.user, password: test.password))
    #expect(configuration.virtualHost == test.virtualHost)
    #expect((configuration.tls != nil) == test.uri.lowercased().hasPrefix("amqps"))
  }

  @Test(
    "What is no AMQP URI is refused, without repeating it",
    arguments: [
      "", "http://secret@h", "amqp:secret", "amqp://h/secret/b", "amqp://secret:%4@h", "amqp://h:secret",
      "amqp://h:70000",
      "amqp://[::1", "amqp://[::1]secret", "amqp://h?secret", "amqp://h?secret=1", "amqp://h?heartbeat=secret",
      "amqp://h?cacertfile=secret", "amqps://h?verify=secret", "amqp://h/%ff", "amqp://h#secret",
      "amqp://h?frame_max=4096",
    ])
  func refused(_ uri: String) {
    let error = #expect(throws: AMQPError.self) { _ = try AMQPConfiguration(uri: uri) }
    #expect(error?.code == .invalidURI)
    #expect(error.map { "\($0)".contains("secret=") || "\($0)".contains("//secret") } == false)
  }

  @Test(
    "What must be encoded in a user or password is named",
    arguments: [
      ("amqp://u:a/b@h", "%2F"), ("amqp://u:a/b@h/v", "%2F"), ("amqp://u:a?b@h", "%3F"),
      ("amqp://u:a#b@h", "%23"), ("amqp://u:a%b@h", "%25"), ("amqp://h:5672x", "a number from 1 to 65535"),
    ])
  func unencoded(_ uri: String, _ words: String) {
    let error = #expect(throws: AMQPError.self) { _ = try AMQPConfiguration(uri: uri) }
    #expect(error.map { "\($0)".contains(words) } == true, "\(error.map { "\($0)" } ?? "")")
  }

  @Test("The query sets heartbeat, limits, mechanism and TLS")
  func query() throws {
    let configuration = try AMQPConfiguration(
      uri: "amqps://h?heartbeat=5&connection_timeout=1500&channel_max=7&frame_max=16384&auth_mechanism=external"
        + "&cacertfile=/ca.pem&certfile=/c.pem&keyfile=/k.pem&verify=verify_none&server_name_indication=x&name=me")
    #expect(configuration.heartbeat == .seconds(5))
    #expect(configuration.connectTimeout == .milliseconds(1500))
    #expect(configuration.channelMax == 7)
    #expect(configuration.frameMax == 16384)
    #expect(configuration.credentials == .external)
    #expect(configuration.name == "me")
    #expect(
      configuration.tls
        == AMQPTLS(
          verification: .none, authoritiesFile: "/ca.pem", certificateFile: "/c.pem", keyFile: "/k.pem", serverName: "x"
        ))
  }

  @Test("Several URIs are one cluster if they agree on everything else")
  func several() throws {
    let configuration = try AMQPConfiguration(uris: ["amqp://a/v", "amqp://b:9/v"])
    #expect(configuration.endpoints.map(\.host) == ["a", "b"])
    #expect(throws: AMQPError.self) { _ = try AMQPConfiguration(uris: ["amqp://a/v", "amqp://b/w"]) }
    #expect(throws: AMQPError.self) { _ = try AMQPConfiguration(uris: []) }
  }

  @Test("Passwords do not show in descriptions, dumps or mirrors")
  func redaction() {
    let credentials = AMQPCredentials.plain(user: "u", password: "hush")
    var dumped = ""
    dump(credentials, to: &dumped)
    for text in ["\(credentials)", String(reflecting: credentials), dumped, "\([credentials])"] {
      #expect(!text.contains("hush"))
    }
  }

  @Test("Values that brokers refuse are refused here")
  func limits() {
    func check(_ change: (inout AMQPConfiguration) -> Void) -> AMQPError.Code? {
      var configuration = AMQPConfiguration()
      change(&configuration)
      do throws(AMQPError) {
        try configuration.check()
        return nil
      } catch { return error.code }
    }
    #expect(check { _ in } == nil)
    #expect(check { $0.frameMax = 4096 } == .invalidConfiguration)
    #expect(check { $0.channelMax = 70_000 } == .invalidConfiguration)
    #expect(check { $0.heartbeat = .milliseconds(500) } == .invalidConfiguration)
    #expect(check { $0.heartbeat = .seconds(-1) } == .invalidConfiguration)
    #expect(check { $0.endpoints = [] } == .invalidConfiguration)
    #expect(check { $0.virtualHost = String(repeating: "v", count: 256) } == .invalidArgument)
  }

  @Test("Names in certificates")
  func certificateNames() {
    for (pattern, host) in [("a.b", "A.B"), ("a.b.", "a.b"), ("*.b.c", "a.b.c"), ("*.B.c", "x.b.C.")] {
      #expect(AMQPTLS.matches(pattern, host))
    }
    for (pattern, host) in [
      ("a.b", "b"), ("*.b.c", "b.c"), ("*.b.c", "x.a.b.c"), ("*.b.c", ".b.c"), ("*.c", "a.c"), ("*", "a"), ("", "a"),
      ("a*.b.c", "ab.b.c"), ("x.*.c", "x.b.c"),
    ] {
      #expect(!AMQPTLS.matches(pattern, host), "\(pattern) \(host)")
    }
  }
}
