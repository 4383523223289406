internal import GRDB
internal import Warren

/// The sign of life of a worker: a file that it has locked.
struct WorkerSign: Sendable, Hashable {
  /// The name of the file, without its ending; empty in memory.
  var file: String
  /// Which file it is. Another file with this name is not the worker's.
  var identity: FileIdentity
}

extension WorkerSign {
  /// A worker as a row of the table `worker` has it.
  init(_ row: Row) {
    self.init(
      file: row.text("file"), identity: FileIdentity(device: row.int("device"), inode: row.int("inode")))
  }
}

/// The other processes on the same file, as the writer needs them.
protocol Neighbourhood: Sendable {
  /// Makes sure that this process has a sign of life, and returns it. `isNew` asks for another one than before: others have
  /// taken this process for gone and may still be clearing away.
  func show(isNew: Bool) throws(BrokerError) -> WorkerSign

  /// Wakes workers, by the names of their signs.
  func wake(_ files: [String])
}
