import NIOSSL

/// How to speak TLS. The default verifies the broker's certificate and its name against the system's authorities.
public struct AMQPTLS: Sendable, Hashable {
  /// What is checked of the broker's certificate.
  public enum Verification: Sendable, Hashable {
    /// Its chain and its name.
    case full
    /// Its chain only.
    case noHostname
    /// Nothing: anybody may answer. For tests.
    case none
  }

  /// The lowest version of TLS that is spoken.
  public enum Version: Sendable, Hashable {
    /// TLS 1.2.
    case tls12
    /// TLS 1.3.
    case tls13
  }

  /// What is checked.
  public var verification: Verification
  /// A PEM file with the authorities to trust instead of the system's.
  public var authoritiesFile: String?
  /// A PEM file with the client's certificate and what leads to its authority.
  public var certificateFile: String?
  /// A PEM file with the key of the client's certificate.
  public var keyFile: String?
  /// The name that the certificate must carry and that is sent as SNI. By default the endpoint's host, if it is a name.
  public var serverName: String?
  /// The lowest version of TLS.
  public var minimumVersion: Version

  /// TLS with full verification unless said otherwise.
  public init(
    verification: Verification = .full, authoritiesFile: String? = nil, certificateFile: String? = nil,
    keyFile: String? = nil, serverName: String? = nil, minimumVersion: Version = .tls12
  ) {
    self.verification = verification
    self.authoritiesFile = authoritiesFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.serverName = serverName
    self.minimumVersion = minimumVersion
  }

  /// Reads the files and makes what the TLS library needs. Blocks on the files.
  func makeContext() throws(AMQPError) -> NIOSSLContext {
    do {
      var tls = TLSConfiguration.makeClientConfiguration()
      tls.minimumTLSVersion =
        switch minimumVersion {
        case .tls12: .tlsv12
        case .tls13: .tlsv13
        }
      tls.certificateVerification =
        switch verification {
        case .full: .fullVerification
        case .noHostname: .noHostnameVerification
        case .none: .none
        }
      if let authoritiesFile { tls.trustRoots = .file(authoritiesFile) }
      if let certificateFile {
        tls.certificateChain = try NIOSSLCertificate.fromPEMFile(certificateFile).map { .certificate($0) }
      }
      if let keyFile { tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem)) }
      return try NIOSSLContext(configuration: tls)
    } catch {
      throw AMQPError(
        .invalidConfiguration, "The TLS files cannot be used. Check that they exist and are PEM.", underlying: error)
    }
  }
}
