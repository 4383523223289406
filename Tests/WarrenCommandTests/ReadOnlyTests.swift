import Foundation
import Testing
import Warren

/// A user who may read the file and nothing more. Root may write everything, so root's tests run the command as another user.
@Suite("warren: a file that may only be read") struct ReadOnlyTests {
  @Test("it can be looked at; doctor says so, and what would write is refused with the reason") func look() async throws
  {
    let broker = try await SeededBroker()
    try await broker.enqueue(["1"])
    for (mode, path) in [(0o444, broker.path), (0o555, broker.directory.path)] {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
    defer {
      try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: broker.directory.path)
    }
    let queues = try await asAReader("queue ls", of: broker)
    #expect(queues.status == 0, "\(queues.errors)")
    #expect(queues.rows.contains { $0.first == "mail" })
    let doctor = try await asAReader("doctor", of: broker)
    #expect(doctor.status == 1)
    #expect(doctor.output.contains("may only read"), "\(doctor.output)\(doctor.errors)")
    for writing in ["queue pause mail", "queue purge mail --yes", "doctor --repair"] {
      let run = try await asAReader(writing, of: broker)
      #expect(run.status != 0 && run.status < 128, "\(writing): \(run.status)")
      #expect(run.errors.contains("right to write") || run.errors.contains("only read"), "\(writing): \(run.errors)")
    }
    #expect(try await broker.ready("mail") == 1)
  }

  private func asAReader(_ command: String, of broker: SeededBroker) async throws -> CommandRun {
    let other = geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : ""
    return try await shell("exec \(other)\"$WARREN\" --broker '\(broker.address)' \(command)")
  }
}
