internal import CryptoExtras
internal import Foundation
internal import NIOPosix

/// Turns passwords into what may be stored, with scrypt (RFC 7914).
///
/// A hash takes 32 MiB and about a tenth of a second on purpose, so hashes are made on two threads of their own: requests
/// beyond that wait, and memory is bounded.
public final class PasswordHasher: Sendable {
  /// What a hash costs: `rounds` is scrypt's N, a power of two.
  struct Cost: Equatable {
    var rounds: Int
    var blockSize: Int
    var parallelism: Int
    /// N = 2^15, r = 8, p = 3: one of the choices of OWASP's Password Storage Cheat Sheet.
    static let standard = Cost(rounds: 1 << 15, blockSize: 8, parallelism: 3)
  }

  private let cost: Cost
  private let threads = NIOThreadPool(numberOfThreads: 2)
  /// What is compared with where there is no account, so that the answer takes as long.
  private let decoy: String

  /// A hasher.
  public convenience init() throws { try self.init(cost: .standard) }

  init(cost: Cost) throws {
    self.cost = cost
    decoy = try Self.hash(UUID().uuidString, cost)
    threads.start()
  }

  deinit { threads.shutdownGracefully { _ in } }

  /// A hash to store: `scrypt$N$r$p$salt$key`, salt and key in Base64.
  public func hash(_ password: String) async throws -> String {
    try await threads.runIfActive { [cost] in try Self.hash(password, cost) }
  }

  /// Whether the password is the one that was hashed. Takes as long without a hash as with one.
  public func verify(_ password: String, _ hash: String?) async throws -> Bool {
    let stored = hash ?? decoy
    let matches = try await threads.runIfActive { try Self.matches(password, stored) }
    return matches && hash != nil
  }

  private static func hash(_ password: String, _ cost: Cost) throws -> String {
    var generator = SystemRandomNumberGenerator()
    let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let key = try key(password, salt, cost)
    let fields = ["scrypt", "\(cost.rounds)", "\(cost.blockSize)", "\(cost.parallelism)"]
    return (fields + [Data(salt).base64EncodedString(), key.base64EncodedString()]).joined(separator: "$")
  }

  private static func matches(_ password: String, _ hash: String) throws -> Bool {
    let fields = hash.split(separator: "$").map(String.init)
    guard fields.count == 6, fields[0] == "scrypt", let rounds = Int(fields[1]), let blockSize = Int(fields[2]),
      let parallelism = Int(fields[3]), let salt = Data(base64Encoded: fields[4]),
      let key = Data(base64Encoded: fields[5])
    else { return false }
    let cost = Cost(rounds: rounds, blockSize: blockSize, parallelism: parallelism)
    return try isEqual(Self.key(password, Array(salt), cost), key)
  }

  private static func key(_ password: String, _ salt: [UInt8], _ cost: Cost) throws -> Data {
    // The same password typed on another keyboard may arrive in another composition.
    let bytes = Array(password.precomposedStringWithCompatibilityMapping.utf8)
    let key = try KDF.Scrypt.deriveKey(
      from: bytes, salt: salt, outputByteCount: 32, rounds: cost.rounds, blockSize: cost.blockSize,
      parallelism: cost.parallelism)
    return key.withUnsafeBytes { Data($0) }
  }
}

/// Compares in a time that does not depend on where the two differ.
func isEqual(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
  a.count == b.count && zip(a, b).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
}
