internal import Foundation
internal import Synchronization
public import Warren

/// An audit log in a file of JSON lines, for an engine that keeps none, such as RabbitMQ's.
///
/// It belongs to one machine: what is done from another is in a file there. Each entry is appended with one write and is on disk
/// before the action begins. Any number of processes may append; who may write the file may also change it.
public final class AuditFile: AuditLog {
  private let path: String
  private let lock = Mutex(())

  /// A log in a file, which is made, with its folder, by the first entry; only this user may read it then.
  public init(path: String) { self.path = path }

  /// See ``Warren/AuditLog/record(_:)``.
  ///
  /// - Throws: ``Warren/BrokerError/Code/readOnly`` when the file cannot be written.
  public func record(_ entry: AuditEntry) async throws(BrokerError) {
    let line: Data
    do { line = try Self.encoder.encode(entry) + Data("\n".utf8) } catch {
      throw BrokerError(.invalid, "the audit entry cannot be written as JSON: \(error)", underlying: error)
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    let failure: Int32? = lock.withLock { _ in
      try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
      if descriptor < 0 { return errno }
      defer { close(descriptor) }
      let count = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count != line.count { return count < 0 ? errno : ENOSPC }
      return fsync(descriptor) == 0 || errno == EINVAL ? nil : errno
    }
    if let failure {
      throw BrokerError(
        .readOnly,
        "the audit log '\(path)' cannot be written (\(String(cString: strerror(failure)))), so nothing was done: name a file "
          + "that this user may write")
    }
  }

  /// See ``Warren/AuditLog/audit(after:limit:)``. An entry's number is its line; a line that is no entry is left out.
  public func audit(after number: Int64, limit: Int) async throws(BrokerError) -> [AuditEntry] {
    Array(try all().drop { $0.number <= number }.prefix(max(0, limit)))
  }

  /// See ``Warren/AuditLog/newestAudit(limit:)``.
  public func newestAudit(limit: Int) async throws(BrokerError) -> [AuditEntry] {
    try all().suffix(max(0, limit)).reversed()
  }

  private func all() throws(BrokerError) -> [AuditEntry] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    let text: Data
    do { text = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw BrokerError(.readOnly, "the audit log '\(path)' cannot be read: let this user read it", underlying: error)
    }
    var entries: [AuditEntry] = []
    for (index, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      guard var entry = try? Self.decoder.decode(AuditEntry.self, from: line) else { continue }
      entry.number = Int64(index + 1)
      entries.append(entry)
    }
    return entries
  }

  private static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(date.textWithMilliseconds)
    }
    return encoder
  }()
  private static let decoder: JSONDecoder = {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom { try Date(String(from: $0), strategy: style) }
    return decoder
  }()
  private static let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}
