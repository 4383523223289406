import Foundation
import Testing
import Warren
import WarrenSQLite

@Suite("warren: usage and exit status") struct UsageTests {
  @Test(
    "not understood: 2",
    arguments: [
      ["--bogus"], ["fly"], ["status"], ["queue", "show"], ["dead", "ls", "--limit", "0"],
      ["queue", "ls", "--limit=-1"], ["status", "--patience", "1e300"], ["dead", "replay", "--all", "--first", "0"],
      ["dead", "ls", "--reason", "bad"], ["dead", "ls", "--until", "2026-11-26T25:61:00Z"],
      ["status", "--watch", "1x"], ["status", "--broker", "broker.db"], ["status", "--broker", "http://x"],
      ["status", "--broker", "sqlite://host/x"],
      // What would do nothing.
      ["queue", "ls", "--json", "--columns", "name"], ["dead", "replay", "--all", "some-id"],
      ["dead", "delete", "--queue", "a", "--queue", "b", "--yes"],
      ["dead", "ls", "--reason=expired", "--reason", "rejected"],
      ["dead", "ls", "--first", "5", "--limit", "6"], ["job", "enqueue", "mail", "x", "--data", "{}", "--data", "[]"],
      ["dead", "edit", "1", "--header", "a=1", "--header", "a=2"],
    ])
  func usage(arguments: [String]) async throws {
    let run = try await warren(arguments)
    #expect(run.status == 2, "\(run.errors)")
    #expect(run.output.isEmpty)
    #expect(!run.errors.isEmpty)
  }

  @Test("no such file: 5, and none is made") func missing() async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("warren-none-\(UUID().uuidString).db").path
    let run = try await warren(["status", "--broker", "sqlite:\(path)"])
    #expect(run.status == 5)
    #expect(run.errors.contains(path) && run.errors.contains("next: "))
    #expect(!FileManager.default.fileExists(atPath: path))
    let directory = try await warren(["status", "--broker", "sqlite:/"])
    #expect(directory.status == 5 && directory.errors.contains("is a directory"), "\(directory.errors)")
    try Data().write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(try await warren(["status", "--broker", "sqlite:\(path)"]).status == 5)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)).isEmpty)
  }

  @Test("a file that is no broker's: 1, and it stays as it is") func foreign() async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("warren-text-\(UUID().uuidString)").path
    let text = String(repeating: "this is no database\n", count: 100)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    defer { for suffix in ["", "-lock", "-workers"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
    let run = try await warren(["status", "--broker", "sqlite:\(path)"])
    #expect(run.status == 1, "\(run.errors)")
    #expect(!run.errors.isEmpty && run.output.isEmpty)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
  }

  @Test("a RabbitMQ that does not answer is unreachable, and its password is not shown") func rabbitMQ() async throws {
    // Nothing listens on port 1.
    let run = try await warren(["status", "--broker", "amqp://user:hunter2@127.0.0.1:1/v"])
    #expect(run.status == 5, "\(run.errors)")
    #expect(run.errors.contains("127.0.0.1:1: connection refused"), "\(run.errors)")
    #expect(!run.errors.contains("hunter2"))
  }

  @Test("the broker before the command, after it, and from the environment") func places() async throws {
    let broker = try await SeededBroker()
    for arguments in [["--broker", broker.address, "queue", "ls"], ["queue", "ls", "--broker", broker.address]] {
      #expect(try await warren(arguments).rows.count == 4)
    }
    let run = try await warren(["--json", "queue", "ls"], environment: ["WARREN_BROKER": broker.address])
    #expect(try run.json([Any].self).count == 4)
  }

  @Test(
    "help and completion are data: 0",
    arguments: [
      ["--help"], ["help", "dead", "replay"], ["--version"], ["--generate-completion-script", "bash"],
      ["--generate-completion-script", "zsh"], ["--generate-completion-script", "fish"], ["dead"],
    ])
  func help(arguments: [String]) async throws {
    let run = try await warren(arguments)
    #expect(run.status == 0)
    #expect(!run.output.isEmpty && run.errors.isEmpty)
  }
}
