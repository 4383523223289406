internal import Crypto
public import Foundation
internal import Synchronization

/// The secrets of a system: the keys that sign its tokens, and the one that codes are hashed with. They are made at the first
/// start and kept in a file that only its owner may read.
///
/// The key that signs is replaced when it is 30 days old; the one before stays valid for as long as its tokens.
public final class Secrets: Sendable {
  /// A key that signs tokens.
  struct SigningKey: Codable, Equatable {
    var id: String
    var secret: Data
    var since: Date
  }
  private struct Content: Codable {
    /// The newest first.
    var signing: [SigningKey]
    var codes: Data
  }

  /// How long a key signs.
  static let rotation: TimeInterval = 30 * 86_400
  private let file: URL
  private let content: Mutex<Content>

  /// Reads the file, or makes it.
  ///
  /// - Throws: when it can be neither read nor written.
  public init(file: URL, now: Date = .now) throws {
    self.file = file
    content = Mutex(try Self.load(file, now))
  }

  /// The key for hashes of codes.
  public var codes: Data { content.withLock { $0.codes } }

  /// The keys that tokens may be signed with, the one that signs now first.
  func signing(now: Date) throws -> [SigningKey] {
    try content.withLock { content in
      if let newest = content.signing.first, newest.since.addingTimeInterval(Self.rotation) > now {
        return content.signing
      }
      // Another process may have replaced it already, so the file decides.
      content = try Self.load(file, now)
      return content.signing
    }
  }

  /// Reads the file and replaces what is too old in it, alone among all processes.
  private static func load(_ file: URL, _ now: Date) throws -> Content {
    let descriptor = open(file.path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw CocoaError(.fileReadNoPermission, userInfo: [NSFilePathErrorKey: file.path]) }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    let data = try handle.readToEnd() ?? Data()
    var content =
      data.isEmpty ? Content(signing: [], codes: random()) : try JSONDecoder().decode(Content.self, from: data)
    let isCurrent = content.signing.first.map { $0.since.addingTimeInterval(rotation) > now } ?? false
    if isCurrent { return content }
    content.signing.insert(SigningKey(id: UUID().uuidString, secret: random(), since: now), at: 0)
    content.signing = Array(content.signing.prefix(2))
    try handle.truncate(atOffset: 0)
    try handle.write(contentsOf: JSONEncoder().encode(content))
    try handle.synchronize()
    return content
  }

  private static func random() -> Data { SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) } }
}
