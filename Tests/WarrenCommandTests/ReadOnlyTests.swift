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

  @Test("a user who may not even read it is told which right is missing") func notEvenThat() async throws {
    let broker = try await SeededBroker()
    for (mode, path, words) in [
      (0o600, broker.path, "right to read it"), (0o700, broker.directory.path, "enter its directories"),
    ] {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
      // The owner may look; only root can try it as another user.
      guard geteuid() == 0 else { continue }
      let run = try await asAReader("status", of: broker)
      #expect(run.status != 0 && run.status < 128)
      #expect(run.errors.contains(words), "\(run.output)\(run.errors)")
    }
  }

  /// `docker run -v FILE:FILE` mounts it so. Where this user may mount nothing, there is nothing to try.
  @Test("a file that is mounted alone has another name elsewhere, and is refused before anything is lost")
  func mountedAlone() async throws {
    let broker = try await SeededBroker()
    let run = try await shell(
      """
      cd '\(broker.directory.path)' && mkdir other && touch other/broker.db
      unshare --mount true 2>/dev/null || exit 77
      exec unshare --mount sh -c 'mount --bind broker.db other/broker.db && exec "$WARREN" --broker sqlite:other/broker.db status'
      """)
    if run.status == 77 { return }
    #expect(run.status != 0 && run.status < 128)
    #expect(run.errors.contains("mount its directory"), "\(run.output)\(run.errors)")
    let names = try FileManager.default.contentsOfDirectory(
      atPath: broker.directory.appendingPathComponent("other").path)
    #expect(names == ["broker.db"])
  }

  private func asAReader(_ command: String, of broker: SeededBroker) async throws -> CommandRun {
    let other = geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : ""
    return try await shell("exec \(other)\"$WARREN\" --broker '\(broker.address)' \(command)")
  }
}
