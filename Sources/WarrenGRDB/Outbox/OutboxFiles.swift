internal import Foundation

/// The files beside the application's database.
enum OutboxFiles {
  /// A path beside the database, whatever links its path goes through; `nil` when the database is in memory.
  static func path(beside database: String, _ suffix: String) -> String? {
    guard let resolved = realpath(database, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved) + suffix
  }
}

/// The lock by which one relay of all works on an outbox. The kernel drops it when its holder ends, however it ends.
final class RelayLock: Sendable {
  private let descriptor: Int32

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// What an attempt to take the lock can end with.
  enum Attempt {
    case taken(RelayLock)
    case heldElsewhere
    case failed(String)
  }

  /// Takes the lock unless another relay has it. A database in memory has only one process, and needs none.
  static func take(database: String) -> Attempt {
    guard let path = OutboxFiles.path(beside: database, "-outbox-lock") else { return .taken(RelayLock(-1)) }
    let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o660)
    if opened < 0 { return .failed("'\(path)' cannot be opened: \(String(cString: strerror(errno)))") }
    let lock = RelayLock(opened)
    return flock(opened, LOCK_EX | LOCK_NB) == 0 ? .taken(lock) : .heldElsewhere
  }
}
