import Foundation
import GRDB
import Testing
import Warren

@testable import WarrenSQLite

@Suite struct OpeningTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func expectRefusal(_ path: String, _ code: BrokerError.Code, mentions text: String) {
    let error = #expect(throws: BrokerError.self) { try SQLiteBroker(path: path) }
    #expect(error?.code == code)
    #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
  }

  @Test func aConfigurationThatCannotBeMeantIsRefusedBeforeThereIsAFile() throws {
    let path = folder.path("broker.db")
    func refusal(_ change: (inout SQLiteConfiguration) -> Void) -> String {
      var configuration = SQLiteConfiguration()
      change(&configuration)
      do {
        _ = try SQLiteBroker.inMemory(configuration: configuration)
        return "accepted"
      } catch {
        #expect(throws: BrokerError.self) { try SQLiteBroker(path: path, configuration: configuration) }
        return error.code == .invalid ? error.message : "\(error)"
      }
    }
    for time in [Duration.milliseconds(-1), .seconds(Int64.min)] {
      #expect(refusal { $0.openDeadline = time }.contains("openDeadline"))
      #expect(refusal { $0.startDeadline = time }.contains("startDeadline"))
      #expect(refusal { $0.publishDeadline = time }.contains("publishDeadline"))
      #expect(refusal { $0.stopDeadline = time }.contains("stopDeadline"))
      #expect(refusal { $0.parkingPause = time }.contains("parkingPause"))
      #expect(refusal { $0.leaseTimeout = time }.contains("healthy process"))
      #expect(refusal { $0.livenessInterval = time }.contains("livenessInterval"))
    }
    // A process that shows itself once in two minutes does not hang.
    #expect(refusal { $0.livenessInterval = .seconds(120) }.contains("at least twice"))
    #expect(refusal { $0.leaseTimeout = .zero }.contains("at least twice"))
    #expect(refusal { $0.livenessInterval = .zero }.contains("livenessInterval"))
    #expect(refusal { $0.largestBody = 0 }.contains("largestBody"))
    #expect(refusal { $0.workerName = "" }.contains("workerName"))
    #expect(refusal { $0.workerName = String(repeating: "x", count: 256) }.contains("256 bytes"))
    #expect(!FileManager.default.fileExists(atPath: path))
    let longest = Duration.seconds(Int64.max)
    #expect(
      refusal {
        ($0.leaseTimeout, $0.openDeadline, $0.publishDeadline, $0.stopDeadline) = (longest, longest, longest, longest)
      } == "accepted")
  }

  @Test func aMissingDirectoryIsNamed() {
    expectRefusal(folder.path("none/broker.db"), .unavailable, mentions: folder.path("none"))
  }

  @Test func aDirectoryIsNoFile() {
    expectRefusal(folder.path("."), .invalid, mentions: "is a directory")
  }

  @Test func aFileThatIsNoDatabaseIsRefusedAndLeftAlone() throws {
    let path = folder.path("garbage.db")
    let garbage = Data(repeating: 0x41, count: 5000)
    try garbage.write(to: URL(fileURLWithPath: path))
    expectRefusal(path, .corrupt, mentions: "not a SQLite file")
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == garbage)
  }

  #if os(Linux)
    /// Without its locks the next process that ends would delete the log of one that goes on.
    @Test func lookingAtAFileThatIsOpenLeavesItItsLocks() throws {
      let path = folder.path("open.db")
      let broker = try SQLiteBroker(path: path)
      let inode = try #require(FileIdentity(path: path)).inode
      func locks() throws -> Int {
        try String(contentsOfFile: "/proc/locks", encoding: .utf8).split(separator: "\n")
          .count { $0.contains(" POSIX ") && $0.contains(":\(inode) ") }
      }
      let before = try locks()
      #expect(before > 0)
      #expect(try FileContent(of: path) == .warren)
      let link = folder.path("link.db")
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
      _ = try SQLiteBroker(path: link)
      #expect(try locks() >= before)
      withExtendedLifetime(broker) {}
    }
  #endif

  /// Its log is written back while it is looked at: its first page may name pages that are not in it yet.
  @Test func aFileThatIsBeingMadeIsNeverTakenForDamagedOrForeign() async throws {
    let paths = (0..<150).map { folder.path("made-\($0).db") }
    async let made: Void = Task.detached { for path in paths { _ = try SQLiteBroker(path: path) } }.value
    for path in paths {
      var content = FileContent.none
      while content == .none { content = try FileContent(of: path) }
      #expect(content == .warren)
      while FileStatus(path: path + "-wal") != nil { #expect(try FileContent(of: path) == .warren) }
    }
    try await made
  }

  @Test func aForeignDatabaseIsRefusedAndLeftAlone() throws {
    let path = folder.path("other.db")
    let other = try DatabaseQueue(path: path)
    try other.write { try $0.execute(sql: "CREATE TABLE thing (a)") }
    try other.close()
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    expectRefusal(path, .corrupt, mentions: "not Warren's")
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
  }

  @Test("A file whose log is not written back whole, as a full disk or a kill leaves it, is not taken for damaged")
  func halfWrittenBack() async throws {
    let path = folder.path("broker.db")
    let copy = folder.path("copy.db")
    try await SQLiteBroker(path: path).withBroker { broker in
      try await broker.apply(try Topology(queues: ["q"]))
      for _ in 0..<20 { try await broker.put(String(repeating: "x", count: 20_000), to: "q") }
      for ending in ["", "-wal"] { try FileManager.default.copyItem(atPath: path + ending, toPath: copy + ending) }
    }
    // The newest first page says how many pages the file has; most of them are in the log only.
    let log = try Data(contentsOf: URL(fileURLWithPath: copy + "-wal"))
    let pageSize = 4096
    let frames = stride(from: 32, to: log.count - pageSize, by: 24 + pageSize)
    let newest = try #require(Array(frames).last { log[$0..<$0 + 4].elementsEqual([0, 0, 0, 1]) })
    let file = try #require(FileHandle(forWritingAtPath: copy))
    try file.write(contentsOf: log[newest + 24..<newest + 24 + pageSize])
    try file.close()
    #expect(try await SQLiteBroker(path: copy).count("message") == 20)
  }

  @Test func aFileOfANewerVersionIsRefused() async throws {
    let path = folder.path("new.db")
    let broker = try SQLiteBroker(path: path)
    try await broker.execute("PRAGMA user_version = 999")
    expectRefusal(path, .newerVersion, mentions: "newer Warren")
  }

  @Test func aFileOfAnOlderVersionIsRefusedByName() async throws {
    let path = folder.path("old.db")
    let broker = try SQLiteBroker(path: path)
    try await broker.execute("PRAGMA user_version = 0")
    expectRefusal(path, .olderVersion, mentions: "older Warren")
  }

  @Test(.enabled(if: geteuid() != 0, "root may write everything"))
  func aFileThatMayOnlyBeReadCanBeLookedAt() async throws {
    let path = folder.path("broker.db")
    try await SQLiteBroker(path: path).withBroker { try await $0.apply(Topology(queues: ["q"])) }
    try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: path)
    try await SQLiteBroker(path: path).withBroker { broker in
      let queues = try await broker.queues()
      #expect(queues.count == 2)
      #expect(try await broker.diagnose().contains { $0.text.contains("only read") })
      await expect(.readOnly) { try await broker.put("x", to: "q") }
    }
  }

  @Test func whatSQLiteSaysOfAReadOnlyFileIsTranslated() {
    #expect(
      StorageError(code: 8, message: "attempt to write a readonly database").brokerError(path: "p").code == .readOnly)
    #expect(StorageError(code: 1544, message: "readonly directory").brokerError(path: "p").code == .readOnly)
    #expect(StorageError(code: 13, message: "full").brokerError(path: "p").code == .full)
    #expect(StorageError(code: 778, message: "disk I/O error").brokerError(path: "p").code == .unavailable)
  }

  @Test func aDamagedFileIsAClearError() async throws {
    let path = folder.path("broker.db")
    try await SQLiteBroker(path: path).withBroker { try await $0.apply(Topology(queues: ["q"])) }
    let file = try DatabaseQueue(path: path)
    _ = try await file.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    try file.close()
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seek(toOffset: 100)
    try handle.write(contentsOf: Data(repeating: 0xEE, count: 3000))
    try handle.close()
    expectRefusal(path, .corrupt, mentions: path)
  }

  @Test func manyMayMakeTheFileAtOnce() async throws {
    let path = folder.path("broker.db")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<6 {
        group.addTask {
          try await SQLiteBroker(path: path).withBroker { broker in
            try await broker.apply(Topology(queues: ["q"]))
            try await broker.put("\(number)", to: "q")
          }
        }
      }
      try await group.waitForAll()
    }
    let broker = try SQLiteBroker(path: path)
    #expect(try await broker.status("q").ready == 6)
    try await expectOrder(broker)
  }

  @Test func whatWasPublishedIsThereAfterReopening() async throws {
    let path = folder.path("broker.db")
    var job = message("x", priority: .high)
    job.headers = ["a \"b\"\\": "line\n\u{1}ü"]
    job.contentType = nil
    job.contentEncoding = "gzip"
    job.correlationID = ""
    let sent = job
    try await SQLiteBroker(path: path).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      _ = try await broker.publish([Publication(sent, to: .queue("q"))])
    }
    try await SQLiteBroker(path: path).withBroker { broker in
      try await broker.consume("q", prefetch: 1) { consumer in
        let delivery = try #require(await consumer.next())
        #expect(delivery.message == sent)
        #expect(delivery.routingKey == "q")
        #expect(delivery.exchange == nil)
      }
    }
  }
}
