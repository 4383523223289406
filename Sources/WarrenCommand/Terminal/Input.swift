internal import Foundation

/// What a command is given besides its arguments.
enum Input {
  /// What no input of a command comes near: a body has 16 MiB at most. What has no end is not read until the memory is full.
  static let limit = 64 << 20

  /// A file, a pipe or standard input for `-`.
  static func read(_ path: String) throws -> Data {
    let isStandard = path == "-"
    let data: Data
    do {
      let file = try isStandard ? FileHandle.standardInput : FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      data = try read(file)
    } catch {
      throw isStandard
        ? CommandError(.failure, "standard input cannot be read", next: "give a file or a pipe")
        : CommandError(
          .failure, "the file '\(path)' cannot be read", next: "check the path, or use - for standard input")
    }
    if data.count > limit {
      throw CommandError(
        .usage, "\(isStandard ? "standard input" : "the file '\(path)'") has more than \(limit >> 20) MiB",
        next: "check that it is what you mean")
    }
    return data
  }

  /// All that is there, or a little more than the limit.
  private static func read(_ file: FileHandle) throws -> Data {
    var data = Data()
    while data.count <= limit, let more = try file.read(upToCount: 1 << 20), !more.isEmpty { data += more }
    return data
  }
}
