import Foundation
import Spawning
import Testing

/// `peer.py`: a service on pika that knows nothing of Warren, as a process of its own.
enum Peer {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()

  /// Runs it to its end. Returns the lines that it wrote.
  @discardableResult
  static func run(_ words: String...) async throws -> [String] {
    let url = String(try #require(RealBroker.url).prefix { $0 != "?" })
    // The script looks for a Python that has pika itself.
    let peer = try await ChildProcess.run(
      "python3", [folder.appending(path: "peer.py").path, url + "/%2f"] + words)
    guard peer.ending == .exited(0) else { throw Failure(text: peer.errors) }
    return peer.lines
  }

  struct Failure: Error, CustomStringConvertible {
    let text: String
    var description: String { "peer.py: \(text)" }
  }

  /// A message as a service on pika got it.
  struct Received: Decodable {
    let body: JSONValue
    let type: String?
    let id: String?
    let key: String
    let contentType: String?
    let mode: Int?
    let source: String?
    let headers: [String]

    init(_ line: String) throws { self = try JSONDecoder().decode(Self.self, from: Data(line.utf8)) }
  }

  /// The bodies of `documents.json`, by queue.
  static func documents() throws -> [String: JSONValue] {
    struct Document: Decodable {
      let queue: String
      let body: JSONValue
    }
    let data = try Data(contentsOf: folder.appending(path: "documents.json"))
    let documents = try JSONDecoder().decode([Document].self, from: data)
    return Dictionary(uniqueKeysWithValues: documents.map { ($0.queue, $0.body) })
  }
}

/// Any JSON, to compare.
enum JSONValue: Decodable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case text(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// Without the times, which are those of the publishing.
  var timeless: JSONValue {
    guard case .object(let fields) = self else { return self }
    return .object(fields.filter { $0.key != "timestamp" && $0.key != "startTime" })
  }
}
