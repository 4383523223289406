import ArgumentParser
import Foundation
import Synchronization
import Testing
import Warren

@testable import WarrenCommand

@Suite("warren: output that cannot be written, and what stands in it") struct OutputTests {
  @Test(
    "a full disk, a closed output and a pipe that its reader left are an error with a sentence, never a crash",
    arguments: [
      "status >/dev/full", "queue ls --json >/dev/full", "dead ls >/dev/full", "dead show a >/dev/full",
      "doctor >/dev/full",
      "topology show >/dev/full", "--help >/dev/full", "--version >/dev/full", "dead replay a >/dev/full",
      "status >&-", "queue ls >&-", "--help >&-",
    ])
  func unwritable(command: String) async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a"])
    let run = try await shell("\"$WARREN\" \(command)", environment: ["WARREN_BROKER": broker.address])
    #expect(run.status == 1, "\(run.errors)")
    #expect(run.errors.contains("warren: the output cannot be written: "), "\(run.errors)")
    #expect(run.errors.contains("next: "))
  }

  @Test("a reader that left is an error with a sentence") func closedPipe() async throws {
    let broker = try await SeededBroker()
    // The reader is gone before anything is written.
    let run = try await shell(
      #"{ sleep 1; "$WARREN" queue ls; echo "status $?" >&2; } | true"#, environment: ["WARREN_BROKER": broker.address])
    #expect(run.errors.contains("the output cannot be written: ") && run.errors.contains("status 1"), "\(run.errors)")
  }

  @Test("messages that cannot be written end nothing", arguments: ["2>/dev/full", "2>&-"])
  func unwritableErrors(redirection: String) async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a", "b"])
    let run = try await shell(
      "\"$WARREN\" dead replay --all --yes \(redirection); echo $?", environment: ["WARREN_BROKER": broker.address])
    #expect(run.output == "2 replayed\n0\n")
    #expect(try await broker.ready("mail") == 2)
  }

  @Test("a command without standard streams writes nothing into the broker's file") func noStreams() async throws {
    let broker = try await SeededBroker()
    let run = try await shell(
      #""$WARREN" queue ls <&- >&- 2>&-; echo $?"#, environment: ["WARREN_BROKER": broker.address])
    #expect(run.output == "1\n")
    #expect(try await broker.run("queue", "ls").rows.count == 4)
  }

  @Test("JSON holds no character that would command a terminal, and says the same") func controls() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a"], body: "\"x\u{9B}31m\u{202E}y\"", message: "gone\u{9B}2J")
    let run = try await broker.onTerminal("dead", "ls", "--json")
    #expect(!run.screen.unicodeScalars.contains { $0.value == 0x9B || $0.value == 0x202E }, "\(run.screen)")
    #expect(run.screen.contains("gone\\u009b2J"))
    let letters: [[String: Any]] = try await broker.run("dead", "ls", "--json").json()
    #expect((letters.first?["detail"] as? String)?.contains("gone\u{9B}2J") == true)
  }

  @Test("columns that name nothing are refused", arguments: ["", ",", "name,", " "])
  func noColumns(columns: String) async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run("queue", "ls", "--columns", columns)
    #expect(run.status == 2 && run.output.isEmpty && run.errors.contains("name,state,ready"), "\(run.errors)")
  }

  @Test("a pipe gets the columns of a wide terminal, in their order, and a narrow one says what it leaves out")
  func columns() async throws {
    let broker = try await SeededBroker()
    let piped = try await broker.run("status").rows
    let titles = try #require(piped.first { $0.first == "NAME" })
    let wide = try await broker.onTerminal("status", "--no-color", environment: ["COLUMNS": "200"])
    let line = try #require(wide.screen.split(separator: "\n").first { $0.hasPrefix("NAME") })
    #expect(line.split(separator: " ").map(String.init) == titles)
    let narrow = try await broker.onTerminal("queue", "ls", "--no-color", environment: ["COLUMNS": "60"])
    #expect(narrow.screen.contains("--columns shows delayed"), "\(narrow.screen)")
    #expect(try await broker.run("queue", "ls").rows.allSatisfy { $0.count == titles.count })
  }

  @Test("watching goes on when the broker is busy or away for a moment, and ends with any other error")
  func watching() async throws {
    let looks = Mutex(0)
    let watch = try WatchOptions.parse(["--watch", "100ms"])
    let error = await #expect(throws: BrokerError.self) {
      try await watch.repeating(try GlobalOptions.parse([])) {
        let look = looks.withLock { looks in
          looks += 1
          return looks
        }
        throw look < 3 ? BrokerError(.unavailable, "busy for a moment") : BrokerError(.corrupt, "damaged")
      }
    }
    #expect(error?.code == .corrupt && looks.withLock { $0 } == 3)
  }

  @Test("the file of the editor is gone after a signal", arguments: ["TERM", "HUP"], [false, true])
  func editorsFile(signal: String, leavesAtOnce: Bool) async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a"])
    let folder = broker.directory.appendingPathComponent("tmp")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // The editor tells what it was given and ends its parent, which may come to its own end at the same moment.
    let stays = leavesAtOnce ? "" : "n=0; while [ -e \"$1\" ] && [ $n -lt 6000 ]; do n=$((n+1)); sleep 0.01; done"
    let editor = broker.directory.appendingPathComponent("editor")
    try Data("#!/bin/sh\nls -l \"$1\"\nkill -\(signal) $PPID\n\(stays)\n".utf8).write(to: editor)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: editor.path)
    let run = try await broker.onTerminal(
      "dead", "edit", "a", environment: ["EDITOR": editor.path, "TMPDIR": folder.path])
    #expect(run.screen.contains("/message"), "\(run.screen)")
    #expect(leavesAtOnce || run.status != 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }
}
