public import Foundation
public import GRDB

/// Opens the file in which a system keeps its own data. Its API and its worker share it; the broker has a file apart.
public enum ApplicationDatabase {
  /// Opens the file, and creates and migrates it where needed.
  public static func open(_ file: URL, migrator: DatabaseMigrator) throws -> any DatabaseWriter {
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    var configuration = Configuration()
    // Two processes write: the second waits.
    configuration.busyMode = .timeout(10)
    configuration.prepareDatabase { db in
      // A document that was answered with 201 outlives a power cut.
      if !db.configuration.readonly { try db.execute(sql: "PRAGMA synchronous = FULL") }
    }
    do {
      return try alone(file.appendingPathExtension("lock")) {
        let pool = try DatabasePool(path: file.path, configuration: configuration)
        try migrator.migrate(pool)
        return pool
      }
    } catch let error as DatabaseError {
      throw StartError("the file '\(file.path)' cannot be opened: \(error.message ?? "\(error.resultCode)")")
    }
  }

  /// Two processes that start at once on no file would both create it; one does, the other waits here.
  private static func alone<Result>(_ lock: URL, _ body: () throws -> Result) throws -> Result {
    let descriptor = Foundation.open(lock.path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw StartError("the file '\(lock.path)' cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
    return try body()
  }
}
