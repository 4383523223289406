import Foundation
import GRDB
import Synchronization
import Testing

@testable import Accounts

@Suite struct AccountsTests {
  private let start = Date(timeIntervalSince1970: 1_795_685_400)

  @Test("a password is the one that was hashed, in whatever composition it is typed, and no other")
  func passwords() async throws {
    let hasher = try PasswordHasher(cost: .init(rounds: 16, blockSize: 8, parallelism: 1))
    let hash = try await hasher.hash("Pässword 1")
    #expect(hash.hasPrefix("scrypt$16$8$1$"))
    #expect(try await hasher.verify("Pa\u{308}ssword 1", hash))
    #expect(try await !hasher.verify("pässword 1", hash))
    #expect(try await !hasher.verify("Pässword 1", nil))
    #expect(try await !hasher.verify("Pässword 1", "plain"))
    #expect(try await hasher.hash("Pässword 1") != hash)
  }

  @Test("scrypt is scrypt: the second test vector of RFC 7914")
  func vector() async throws {
    let hasher = try PasswordHasher(cost: .init(rounds: 16, blockSize: 8, parallelism: 1))
    let salt = Data("NaCl".utf8).base64EncodedString()
    // The first 32 bytes for "password", "NaCl", N = 1024, r = 8, p = 16.
    let key = Data([
      0xfd, 0xba, 0xbe, 0x1c, 0x9d, 0x34, 0x72, 0x00, 0x78, 0x56, 0xe7, 0x19, 0x0d, 0x01, 0xe9, 0xfe, 0x7c, 0x6a, 0xd7,
      0xcb, 0xc8, 0x23, 0x78, 0x30, 0xe7, 0x73, 0x76, 0x63, 0x4b, 0x37, 0x31, 0x62,
    ])
    #expect(try await hasher.verify("password", "scrypt$1024$8$16$\(salt)$\(key.base64EncodedString())"))
  }

  @Test("a code is accepted once, lasts ten minutes, and is void after five wrong tries")
  func codes() throws {
    let database = try DatabaseQueue()
    let codes = OneTimeCodes(secret: Data([1, 2, 3]))
    try database.write { db in
      try OneTimeCodes.migrate(db)
      let code = try codes.make(for: "ada", now: start, in: db)
      #expect(code.count == 6 && code.allSatisfy(\.isNumber))
      #expect(try codes.check(code, of: "eve", now: start, in: db) == .expired)
      #expect(try codes.check("x", of: "ada", now: start, in: db) == .wrong)
      #expect(try codes.check(code, of: "ada", now: start, in: db) == .accepted)
      #expect(try codes.check(code, of: "ada", now: start, in: db) == .expired)

      let second = try codes.make(for: "ada", now: start, in: db)
      for _ in 0..<5 { #expect(try codes.check("000", of: "ada", now: start, in: db) == .wrong) }
      #expect(try codes.check(second, of: "ada", now: start, in: db) == .expired)

      let third = try codes.make(for: "ada", now: start, in: db)
      let late = start.addingTimeInterval(OneTimeCodes.lifetime + 1)
      #expect(try codes.check(third, of: "ada", now: late, in: db) == .expired)
      #expect(try String.fetchAll(db, sql: "SELECT hex(hash) FROM oneTimeCodes").allSatisfy { !$0.contains(third) })
    }
  }

  private func secrets() throws -> (Secrets, URL) {
    let file = FileManager.default.temporaryDirectory.appending(path: "warren-secrets-\(UUID())")
    return (try Secrets(file: file, now: start), file)
  }

  @Test("a token says who the caller is until it is too old, and none that was changed or signed elsewhere")
  func tokens() async throws {
    let (secrets, file) = try secrets()
    defer { try? FileManager.default.removeItem(at: file) }
    let tokens = Tokens(secrets, issuer: "cinema")
    let caller = Caller(id: "ada", role: "customer")
    let token = try await tokens.make(for: caller, now: start)
    #expect(try await tokens.caller(of: token, now: start) == caller)
    #expect(try await tokens.caller(of: token, now: start.addingTimeInterval(Tokens.lifetime + 1)) == nil)
    #expect(try await tokens.caller(of: String(token.dropLast(2)), now: start) == nil)
    #expect(try await Tokens(secrets, issuer: "other").caller(of: token, now: start) == nil)
    let (others, other) = try self.secrets()
    defer { try? FileManager.default.removeItem(at: other) }
    #expect(try await Tokens(others, issuer: "cinema").caller(of: token, now: start) == nil)
    // The token that says of itself that it is not signed.
    let part = token.split(separator: ".")[1]
    let none = Data(#"{"alg":"none","typ":"JWT"}"#.utf8).base64EncodedString()
    #expect(try await tokens.caller(of: "\(none).\(part).", now: start) == nil)
    for text in ["", "a.b.c", String(repeating: "x", count: 100_000)] {
      #expect(try await tokens.caller(of: text, now: start) == nil)
    }
  }

  @Test("the key that signs is replaced after 30 days, and tokens of the one before are valid until they end")
  func rotation() async throws {
    let (secrets, file) = try secrets()
    defer { try? FileManager.default.removeItem(at: file) }
    let later = start.addingTimeInterval(Secrets.rotation - 60)
    let tokens = Tokens(secrets, issuer: "cinema")
    let token = try await tokens.make(for: Caller(id: "ada", role: "customer"), now: later)
    let after = start.addingTimeInterval(Secrets.rotation + 60)
    #expect(try secrets.signing(now: after).count == 2)
    #expect(try await tokens.caller(of: token, now: after)?.id == "ada")
    // Another process, started now, takes the same keys.
    let other = try Secrets(file: file, now: after)
    #expect(try other.signing(now: after) == secrets.signing(now: after))
    #expect(other.codes == secrets.codes)
    let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test("a key may do something so many times in a window, and others are not touched by it")
  func limits() {
    let time = Mutex(start)
    let limiter = RateLimiter(3, per: 60, capacity: 100) { time.withLock { $0 } }
    for _ in 0..<3 { #expect(limiter.take("ada") == nil) }
    #expect(limiter.take("ada") == 60)
    #expect(limiter.take("eve") == nil)
    time.withLock { $0 += 59.5 }
    #expect(limiter.take("ada") == 1)
    time.withLock { $0 += 1 }
    #expect(limiter.take("ada") == nil)
    limiter.reset("ada")
    for _ in 0..<3 { #expect(limiter.take("ada") == nil) }
    for number in 0..<1_000 { _ = limiter.take("\(number)") }
    #expect(limiter.take("999") == nil)
  }
}
