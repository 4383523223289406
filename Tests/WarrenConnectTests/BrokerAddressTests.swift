import Foundation
import Logging
import Testing
import Warren
import WarrenConnect

@Suite("Addresses of brokers") struct BrokerAddressTests {
  @Test(
    "a file is written as sqlite: and its path",
    arguments: [
      ("sqlite:broker.db", "broker.db"), ("sqlite:/var/broker.db", "/var/broker.db"),
      ("sqlite:///var/broker.db", "/var/broker.db"), ("SQLite:a b.db", "a b.db"), ("sqlite:a:b?c#d.db", "a:b?c#d.db"),
      ("sqlite:~/broker.db", NSHomeDirectory() + "/broker.db"),
    ])
  func files(text: String, path: String) throws { #expect(try BrokerAddress(text) == .sqlite(path: path)) }

  @Test(
    "the nodes of a cluster are separated by commas",
    arguments: [
      ("amqp://a", ["amqp://a"]), ("amqp://a,amqp://b:5673", ["amqp://a", "amqp://b:5673"]),
      ("amqp://a, amqp://b", ["amqp://a", "amqp://b"]),
      ("amqps://u:p,q@a/v,amqps://u:p,q@b/v", ["amqps://u:p,q@a/v", "amqps://u:p,q@b/v"]),
    ])
  func clusters(text: String, urls: [String]) throws { #expect(try BrokerAddress(text) == .rabbitMQ(urls: urls)) }

  @Test(
    "a password is never shown, whatever is in it",
    arguments: [
      ("amqps://u:p@ss@h:5671/v", "amqps://u:***@h:5671/v"), ("amqp://u:p/a?s#s@h", "amqp://u:***@h"),
      ("amqp://u:secret@h,amqp://u:secret@i", "amqp://u:***@h,amqp://u:***@i"),
      ("amqp://u:secret@h?management=http://m:secret@h:15672", "amqp://u:***@h?management=http://m:***@h:15672"),
      ("amqp://h:5672/v", "amqp://h:5672/v"), ("amqp://guest@h", "amqp://guest@h"),
    ])
  func password(text: String, shown: String) throws {
    let address = try BrokerAddress(text)
    #expect(address.description == shown)
    var dumped = ""
    dump(address, to: &dumped)
    #expect(!dumped.contains("secret") && !dumped.contains("p@ss") && !dumped.contains("s#s"))
  }

  @Test(
    "what is not an address is refused with the forms that are possible, and without a password",
    arguments: [
      "broker.db", "sqlite:", "sqlite:b.db?synchronous=off", "sqlite:///b.db?mode=ro", "sqlite://host/x",
      "http://u:secret@x", "", ":", "u:secret@h",
    ])
  func refused(text: String) {
    let error = #expect(throws: BrokerError.self) { try BrokerAddress(text) }
    #expect(error?.code == .invalid)
    #expect(error?.message.contains("sqlite:") == true)
    #expect(error?.message.contains("secret") == false)
  }

  @Test("an address opens its engine, with the deadlines that it is given") func open() async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("warren-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let address = BrokerAddress.sqlite(path: directory.appendingPathComponent("broker.db").path)
    let broker = try address.open(startDeadline: .zero, logger: logger)
    #expect(broker.capabilities.engine.hasPrefix(address.engine))
    // Nothing runs it, so with this deadline a publish fails at once.
    let error = await #expect(throws: BrokerError.self) {
      try await broker.publish([Publication(Message(id: nil, name: nil, body: Data()), to: .queue("q"))])
    }
    #expect(error?.code == .notRunning)
    #expect(throws: BrokerError.self) { try BrokerAddress("amqp://h:port").open(logger: logger) }
  }
}
