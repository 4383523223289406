import Foundation
import Testing
import Warren
import WarrenSQLite

/// A process may open the file more than once: an API and a worker that are put together, or tests.
@Suite("a process that has the file open twice") struct OpenTwiceTests {
  @Test("keeps its locks, so that a command that comes and goes does not take the log away") func keepsItsLocks()
    async throws
  {
    let seeded = try await SeededBroker()
    try await seeded.open { first in
      let second = try SQLiteBroker(path: seeded.path)
      #expect(try await second.queues().count > 2)
      let run = try await warren(["--broker", seeded.address, "queue", "ls"])
      #expect(run.status == 0)
      #expect(FileManager.default.fileExists(atPath: seeded.path + "-wal"))
      let message = Message(id: .unique(), name: "email.send", body: Data("{}".utf8))
      #expect(try await first.publish([Publication(message, to: .queue("mail"))])[0].isStored)
      withExtendedLifetime(second) {}
    }
    // Closed and opened again, it is looked at anew.
    #expect(try await seeded.ready("mail") == 1)
  }
}
