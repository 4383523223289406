internal import Foundation
internal import Warren

/// What operators leave in the file is JSON in one column: it is read whole, and seldom.
enum OperatorRecord {
  private static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .millisecondsSince1970
    encoder.outputFormatting = [.sortedKeys]
    return encoder
  }()
  private static let decoder: JSONDecoder = {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .millisecondsSince1970
    return decoder
  }()

  static func write(_ value: some Encodable) throws(BrokerError) -> String {
    do { return String(decoding: try encoder.encode(value), as: UTF8.self) } catch {
      throw BrokerError(.invalid, "what is to be kept cannot be written as JSON: \(error)", underlying: error)
    }
  }

  /// `nil` when a foreign hand has made something else of it.
  static func auditEntry(_ text: String) -> AuditEntry? {
    guard var entry: AuditEntry = read(text) else { return nil }
    entry.time = entry.time.clamped
    return entry
  }

  /// - Parameter id: what the row says; it is by that one that the operation is found again.
  /// - Returns: `nil` when a foreign hand has made something else of it, or numbers that count nothing.
  static func bulkOperation(_ text: String, id: String) -> BulkOperation? {
    guard var operation: BulkOperation = read(text) else { return nil }
    let skipped = operation.skipped
    let counts = [operation.total, operation.done, skipped.unreachable, skipped.held, skipped.gone]
    guard counts.allSatisfy((0...(1 << 48)).contains) else { return nil }
    operation.id = id
    operation.started = operation.started.clamped
    operation.updated = operation.updated.clamped
    return operation
  }

  private static func read<Value: Decodable>(_ text: String) -> Value? {
    try? decoder.decode(Value.self, from: Data(text.utf8))
  }
}
