internal import Foundation

/// What a command is given besides its arguments.
enum Input {
  /// A file, or standard input for `-`.
  static func read(_ path: String) throws -> Data {
    if path == "-" {
      do { return try FileHandle.standardInput.readToEnd() ?? Data() } catch {
        throw CommandError(.failure, "standard input cannot be read", next: "give a file or a pipe")
      }
    }
    do {
      return try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw CommandError(
        .failure, "the file '\(path)' cannot be read", next: "check the path, or use - for standard input")
    }
  }
}
