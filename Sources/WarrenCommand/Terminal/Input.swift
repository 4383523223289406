internal import Foundation

/// What a command is given besides its arguments.
enum Input {
  /// A file, or stdin for `-`.
  static func read(_ path: String) throws -> Data {
    if path == "-" { return FileHandle.standardInput.readDataToEndOfFile() }
    do {
      return try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw Complaint(.failure, "the file '\(path)' cannot be read", next: "check the path, or use - for stdin")
    }
  }
}
