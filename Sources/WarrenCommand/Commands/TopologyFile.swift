internal import ArgumentParser
internal import Foundation
internal import Warren

/// The file of a topology.
struct TopologyFile: ParsableArguments {
  @Argument(
    help: ArgumentHelp("A topology file, or - to read it from stdin.", valueName: "file|-"), completion: .file())
  var file: String

  func read() throws -> Topology { try Self.read(file) }

  /// Reads a topology from a file, or from stdin for `-`.
  static func read(_ file: String) throws -> Topology {
    let data = try Input.read(file)
    do { return try JSONDecoder().decode(Topology.self, from: data) } catch let error as DecodingError {
      throw CommandError(
        .usage, "the file '\(file)' is not a topology: \(text(error))",
        next: "see what one looks like with `warren topology show --json`")
    }
  }

  /// What is wrong, and where.
  private static func text(_ error: DecodingError) -> String {
    func place(_ path: [any CodingKey]) -> String {
      let words = path.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }.joined()
      return words.isEmpty ? "" : " at \(words.drop { $0 == "." })"
    }
    switch error {
    case .keyNotFound(let key, let context): return "'\(key.stringValue)' is missing\(place(context.codingPath))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      return "\(context.debugDescription)\(place(context.codingPath))"
    default: return "\(error)"
    }
  }
}
