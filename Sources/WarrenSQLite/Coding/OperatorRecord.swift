internal import Foundation
internal import GRDB
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

  static func read<Value: Decodable>(_ text: String) -> Value? {
    try? decoder.decode(Value.self, from: Data(text.utf8))
  }

  static func hasTable(_ name: String, _ database: Database) throws -> Bool {
    try Int.fetchOne(
      database, sql: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", arguments: [name]) != nil
  }
}
