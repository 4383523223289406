import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren

@testable import WarrenSQLite

/// Which file it is: its device and inode decide, not how its path is spelled.
@Suite struct IdentityTests {
  let folder: TemporaryFolder
  let path: String
  init() throws {
    folder = try TemporaryFolder()
    path = folder.path("real.db")
  }

  private func linked() throws -> String {
    let disk = folder.path("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    let link = folder.path("link.db")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "disk/real.db")
    return link
  }

  @Test func anotherNameOfTheFileHasTheSameLockAndTheSameWorkers() async throws {
    let link = try linked()
    let a = try SQLiteBroker(path: folder.path("disk/real.db"))
    let b = try SQLiteBroker(path: link)
    #expect(a.presence.directory == b.presence.directory)
    #expect(!FileManager.default.fileExists(atPath: link + "-lock"))
  }

  @Test func aLinkToAFileThatIsNotThereYetIsFollowed() async throws {
    let link = try linked()
    try await SQLiteBroker(path: link).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.consume("q", prefetch: 1) { _ in }
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path(".")).sorted()
      #expect(names == ["disk", "link.db"])
    }
  }

  @Test func aFileWithASecondNameIsRefused() async throws {
    try await SQLiteBroker(path: path).withBroker { _ in }
    try FileManager.default.linkItem(atPath: path, toPath: folder.path("second.db"))
    let error = #expect(throws: BrokerError.self) { try SQLiteBroker(path: folder.path("second.db")) }
    #expect(error?.message.contains("second name") == true)
  }

  @Test func aMountOfASingleFileIsFound() {
    let table = MountTable(
      """
      22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw
      36 35 98:0 /srv/broker.db /data/broker.db rw,noatime - ext4 /dev/sda1 rw
      37 35 98:0 /srv/b.db /data/with\\040space\\134.db rw - ext4 /dev/sda1 rw
      torn line
      """)
    #expect(table.isMounted(at: "/data/broker.db"))
    #expect(table.isMounted(at: "/data/with space\\.db"))
    #expect(!table.isMounted(at: "/srv/broker.db"))
    #expect(!MountTable("").isMounted(at: "/"))
  }

  @Test func aFileThatWasEmptiedUnderItRefusesInsteadOfLosing() async throws {
    let link = try linked()
    for (opened, real) in [(path, path), (link, folder.path("disk/real.db"))] {
      var configuration = SQLiteConfiguration()
      configuration.stopDeadline = .milliseconds(100)
      try await SQLiteBroker(path: opened, configuration: configuration).withBroker { broker in
        try await broker.apply(Topology(queues: ["q"]))
        #expect(truncate(real, 0) == 0)
        await expect(.unavailable) { try await broker.put("lost?", to: "q") }
      }
    }
  }

  @Test func aRelativePathIsAbsoluteFromTheBeginning() async throws {
    let depth = FileManager.default.currentDirectoryPath.split(separator: "/").count
    let broker = try SQLiteBroker(path: String(repeating: "../", count: depth) + path.dropFirst())
    #expect(broker.file.path?.hasPrefix("/") == true)
  }

  @Test(arguments: ["-wal", "-shm"], [false, true])
  func aFileThatHoldsDataAndWasDeletedUnderItRefusesInsteadOfLosing(_ suffix: String, _ isLinked: Bool) async throws {
    let opened = isLinked ? try linked() : path
    let real = isLinked ? folder.path("disk/real.db") : path
    try await SQLiteBroker(path: opened).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try FileManager.default.moveItem(atPath: real + suffix, toPath: real + "-aside")
      await expect(.unavailable) { try await broker.put("lost?", to: "q") }
      // A reader that this process opens meanwhile makes an empty one: as `mv` does, this replaces it.
      #expect(rename(real + "-aside", real + suffix) == 0)
      try await broker.put("kept", to: "q")
    }
  }

  @Test func filesBesideItHaveItsMode() async throws {
    try await SQLiteBroker(path: path).withBroker { _ in }
    try FileManager.default.setAttributes([.posixPermissions: 0o660], ofItemAtPath: path)
    try await SQLiteBroker(path: path).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.consume("q", prefetch: 1) { _ in
        func mode(_ path: String) throws -> Int? {
          try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        let workers = path + "-workers"
        let files = try FileManager.default.contentsOfDirectory(atPath: workers)
        #expect(files.count == 2)
        let modes = try [mode(path + "-lock"), mode(workers)] + files.map { try mode("\(workers)/\($0)") }
        #expect(modes == [0o660, 0o770, 0o660, 0o660])
      }
    }
  }

  @Test func aForeignFileIsLeftAloneWithItsLogAndItsFolder() async throws {
    let other = try DatabasePool(path: path)
    try await other.write { try $0.execute(sql: "CREATE TABLE thing (a)") }
    // As a program leaves them that was killed.
    let kept = folder.path("copy.db")
    for suffix in ["", "-wal"] { try FileManager.default.copyItem(atPath: path + suffix, toPath: kept + suffix) }
    let before = try FileManager.default.contentsOfDirectory(atPath: folder.path(".")).sorted()
    let error = #expect(throws: BrokerError.self) { try SQLiteBroker(path: kept) }
    #expect(error?.code == .corrupt)
    let after = try FileManager.default.contentsOfDirectory(atPath: folder.path(".")).sorted()
    #expect(after == before)
    for suffix in ["", "-wal"] {
      #expect(FileManager.default.contentsEqual(atPath: path + suffix, andPath: kept + suffix))
    }
    try other.close()
  }

  @Test func aTimeToLiveOfAnyLengthIsTheSameAfterReopening() async throws {
    for time in [Duration.seconds(1 << 40), .nanoseconds(1), .milliseconds(1500)] {
      var queue = Queue("q\(time.components.seconds)")
      queue.timeToLive = time
      let topology = try Topology(queues: [queue])
      try await SQLiteBroker(path: path).withBroker { try await $0.apply(topology) }
      try await SQLiteBroker(path: path).withBroker { try await $0.apply(topology) }
    }
  }

  @Test func theLogShrinksAgain() async throws {
    let broker = try SQLiteBroker(path: path)
    let limit = try await broker.file.database.write { try Int.fetchOne($0, sql: "PRAGMA journal_size_limit") }
    #expect((limit ?? -1) > 0)
  }
}
