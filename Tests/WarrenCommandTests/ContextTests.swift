import Foundation
import Testing

@testable import WarrenCommand

@Suite("warren context") struct ContextTests {
  @Test("a name stands for a broker; the first is in use, until another is") func names() async throws {
    let broker = try await SeededBroker()
    let environment = ["XDG_CONFIG_HOME": broker.directory.path]
    func run(_ arguments: String...) async throws -> CommandRun {
      try await warren(arguments, environment: environment)
    }
    #expect(try await run("queue", "ls").status == 2)
    #expect(try await run("context", "ls").errors.contains("no contexts"))
    #expect(try await run("context", "add", "here", broker.address).status == 0)
    #expect(try await run("context", "add", "away", "amqp://ops:${WARREN_SECRET}@127.0.0.1:1/v").status == 0)
    #expect(try await run("queue", "ls").rows.count == 4)
    #expect(try await run("context", "ls").rows.map { Array($0.prefix(2)) } == [["away", ""], ["here", "*"]])
    #expect(try await run("context", "use", "away").status == 0)
    let unset = try await run("queue", "ls")
    #expect(unset.status == 2 && unset.errors.contains("WARREN_SECRET"), "\(unset.errors)")
    #expect(try await run("--context", "here", "queue", "ls").rows.count == 4)
    #expect(try await run("--broker", broker.address, "queue", "ls").rows.count == 4)
    #expect(try await run("--context", "nowhere", "queue", "ls").status == 4)
    #expect(try await run("context", "rm", "away").status == 0)
    #expect(try await run("queue", "ls").status == 2)
    let mistyped = try await run("context", "add", "typo", "broker.db")
    #expect(mistyped.status == 2 && mistyped.errors.contains("sqlite:broker.db"), "\(mistyped.errors)")
    #expect(try await !run("context", "ls").output.contains("typo"))
    let password = try await run("context", "add", "prod", "amqp://ops:hunter2@broker/v")
    #expect(password.status == 2 && !password.errors.contains("hunter2"), "\(password.errors)")
  }

  @Test("variables are filled in as parts of a URL are written") func filling() throws {
    let environment = ["SECRET": "a/b@c d", "URL": "sqlite:my file.db"]
    #expect(try Contexts.filled("amqp://ops:${SECRET}@h/v", environment) == "amqp://ops:a%2Fb%40c%20d@h/v")
    #expect(try Contexts.filled("${URL}", environment) == "sqlite:my file.db")
    #expect(try Contexts.filled("sqlite:x", environment) == "sqlite:x")
    #expect(throws: CommandError.self) { try Contexts.filled("${NONE}", environment) }
    #expect(Contexts.hasPassword("amqp://a:b@h"))
    #expect(!Contexts.hasPassword("amqp://a:${B}@h") && !Contexts.hasPassword("amqp://a@h:5672/x"))
    #expect(!Contexts.hasPassword("sqlite:a:b@c") && !Contexts.hasPassword("amqp://h:5672/a@b"))
  }

  @Test("completion scripts load in bash", .enabled(if: FileManager.default.fileExists(atPath: "/bin/bash")))
  func completion() async throws {
    let run = try await shell(#""$WARREN" --generate-completion-script bash | /bin/bash -n"#)
    #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
  }
}
