internal import Foundation

/// Brokers by name, in a file of this user's. It holds no secret: `${NAME}` in a URL stands for a variable of the environment.
struct Contexts: Codable, Equatable {
  /// The URLs by name.
  var urls: [String: String] = [:]
  /// The one that is used where no broker is named.
  var current: String?

  /// `$XDG_CONFIG_HOME/warren/contexts.json`, by default in `~/.config`.
  static var path: String {
    let given = ProcessInfo.processInfo.environment["XDG_CONFIG_HOME"] ?? ""
    return (given.isEmpty ? NSHomeDirectory() + "/.config" : given) + "/warren/contexts.json"
  }

  static func read() throws -> Contexts {
    guard FileManager.default.fileExists(atPath: path) else { return Contexts() }
    do {
      return try JSONDecoder().decode(Contexts.self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw CommandError(
        .failure, "the contexts in '\(path)' cannot be read",
        next: "repair the file, or move it away and add them again")
    }
  }

  func write() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let file = URL(fileURLWithPath: Self.path)
    do {
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try (try encoder.encode(self) + Data("\n".utf8)).write(to: file, options: .atomic)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
    } catch {
      throw CommandError(.failure, "'\(Self.path)' cannot be written", next: "check the rights of its folder")
    }
  }

  /// The URL of a context as it is kept.
  func url(_ name: String) throws -> String {
    if let url = urls[name] { return url }
    let all = urls.keys.sorted().joined(separator: ", ")
    throw CommandError(
      .nothing, "there is no context '\(name)'",
      next: all.isEmpty ? "add it with `warren context add \(name) URL`" : "there are: \(all)")
  }

  /// The password that stands in a URL itself, if one does.
  static func hasPassword(_ url: String) -> Bool {
    guard let start = url.range(of: "://"),
      let end = url[start.upperBound...].firstIndex(where: { "/?#".contains($0) || $0 == "@" }),
      url[end] == "@", let colon = url[start.upperBound..<end].firstIndex(of: ":")
    else { return false }
    let password = url[url.index(after: colon)..<end]
    return !password.isEmpty && !(password.hasPrefix("${") && password.hasSuffix("}"))
  }

  /// The URL with the values of the variables that it names, as parts of a URL are written; a URL that is one variable is its value.
  static func filled(_ url: String, _ environment: [String: String]) throws -> String {
    var text = ""
    var rest = url[...]
    while let start = rest.range(of: "${") {
      guard let end = rest[start.upperBound...].firstIndex(of: "}") else { break }
      let name = String(rest[start.upperBound..<end])
      guard let value = environment[name], !value.isEmpty else {
        throw CommandError(
          .usage, "the variable '\(name)' is not set, and the context's URL needs it", next: "set it: export \(name)=…")
      }
      if url == "${\(name)}" { return value }
      text += rest[..<start.lowerBound]
      text += value.addingPercentEncoding(withAllowedCharacters: unreserved) ?? value
      rest = rest[rest.index(after: end)...]
    }
    return text + rest
  }

  private static let unreserved = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
