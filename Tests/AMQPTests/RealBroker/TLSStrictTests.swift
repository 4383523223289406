import Foundation
import NIOCore
import Testing

@testable import AMQP

/// A broker that speaks nothing but TLS 1.2, lets no client in without a certificate, and whose own certificate has expired.
private enum StrictBroker {
  private static func value(_ name: String) -> String? {
    ProcessInfo.processInfo.environment["WARREN_TEST_STRICT_\(name)"]
  }

  static let uri = value("URI")
  static let authorities = value("CA")
  static let certificate = value("CERT")
  static let key = value("KEY")
  static var isThere: Bool { uri != nil && authorities != nil && certificate != nil && key != nil }

  /// For a client that would be let in, if it looked past the date of the broker's certificate.
  static func configuration(_ verification: AMQPTLS.Verification) throws -> AMQPConfiguration {
    var configuration = try AMQPConfiguration(uri: uri ?? "amqps://localhost")
    configuration.tls = AMQPTLS(
      verification: verification, authoritiesFile: authorities, certificateFile: certificate, keyFile: key)
    return configuration
  }
}

@Suite(
  "TLS with a strict broker",
  .enabled(if: StrictBroker.isThere, "skipped: set WARREN_TEST_STRICT_URI, _CA, _CERT and _KEY (make test-amqp)"))
struct TLSStrictTests {
  @Test("An expired certificate is refused", arguments: [AMQPTLS.Verification.full, .noHostname])
  func expired(_ verification: AMQPTLS.Verification) async throws {
    let error = try await TLSBroker.refusal(try StrictBroker.configuration(verification))
    #expect(error?.code == .tlsFailed)
    #expect(error?.isRetryable == false)
    // The date is one of the things that the words name.
    #expect(error?.message.contains("expired") == true, "\(String(describing: error))")
  }

  @Test("A broker that speaks TLS 1.2 at most is spoken to, but not by who wants 1.3")
  func version() async throws {
    var configuration = try StrictBroker.configuration(.none)
    let old = configuration
    try await within { try await TLSBroker.exchange(old) }
    configuration.tls?.minimumVersion = .tls13
    let error = try await TLSBroker.refusal(configuration)
    #expect(error?.code == .tlsFailed)
    #expect(error?.isRetryable == false)
  }

  @Test("A broker that wants a client's certificate refuses who has none, at once")
  func noCertificate() async throws {
    var configuration = try StrictBroker.configuration(.none)
    configuration.tls?.certificateFile = nil
    configuration.tls?.keyFile = nil
    let error = try await TLSBroker.refusal(configuration)
    #expect(error?.code == .tlsFailed)
    #expect(error?.isRetryable == false)
  }

  @Test("A key under a password is refused before anything is sent, and no person is asked for the password")
  func encryptedKey() async throws {
    var configuration = try StrictBroker.configuration(.none)
    let locked = FileManager.default.temporaryDirectory.appendingPathComponent("amqp-\(UUID()).pem").path
    defer { try? FileManager.default.removeItem(atPath: locked) }
    try await Program.run([
      "openssl", "pkey", "-in", StrictBroker.key ?? "", "-aes256", "-passout", "pass:secret", "-out", locked,
    ])
    configuration.tls?.keyFile = locked
    let error = try await TLSBroker.refusal(configuration)
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains("password") == true)
  }
}
