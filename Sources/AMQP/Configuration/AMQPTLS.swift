import NIOCore
import NIOPosix
import NIOSSL

/// How to speak TLS. The default verifies the broker's certificate and its name against the system's authorities.
public struct AMQPTLS: Sendable, Hashable {
  /// What is checked of the broker's certificate.
  public enum Verification: Sendable, Hashable {
    /// Its chain and its name.
    case full
    /// Its chain only.
    case noHostname
    /// Nothing: any host may answer. For tests.
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
  /// A PEM file with the key of the client's certificate. By default it is looked for in ``certificateFile``.
  public var keyFile: String?
  /// The name that the certificate must carry and that is sent as SNI; a name and no address. By default the endpoint's
  /// host. If that is an address, no SNI is sent, and the certificate must carry the address.
  public var serverName: String?
  /// The lowest version of TLS.
  public var minimumVersion: Version

  /// TLS, by default with full verification.
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

  /// Whether a certificate that the TLS library accepted is one for the server's name.
  ///
  /// The library also accepts one for the peer's address, whatever name was asked for. Then an attacker who can forge an answer of
  /// the name service needs no certificate but one for a machine of their own.
  func accepts(_ certificate: NIOSSLCertificate?, for name: String) -> Bool {
    guard verification == .full, !Self.isAddress(name) else { return true }
    guard let certificate else { return false }
    var hasAddress = false
    for alternative in certificate._subjectAlternativeNames() {
      if alternative.nameType == .dnsName, Self.matches(String(decoding: alternative.contents, as: UTF8.self), name) {
        return true
      }
      if alternative.nameType == .ipAddress { hasAddress = true }
    }
    return !hasAddress
  }

  /// Whether a name in a certificate is this host's. A star stands for the first label.
  static func matches(_ pattern: String, _ host: String) -> Bool {
    func normal(_ name: String) -> Substring {
      let lower = name.lowercased()
      return lower.hasSuffix(".") ? lower.dropLast() : lower[...]
    }
    let (pattern, host) = (normal(pattern), normal(host))
    guard pattern.hasPrefix("*.") else { return pattern == host }
    guard let dot = host.firstIndex(of: "."), dot > host.startIndex, pattern.dropFirst(2).contains(".") else {
      return false
    }
    return host[dot...] == pattern.dropFirst()
  }

  static func isAddress(_ host: String) -> Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }

  /// Reads the files and makes what the TLS library needs, on a thread that may block.
  func contextMadeElsewhere() async -> Result<NIOSSLContext, AMQPError> {
    do {
      return try await NIOThreadPool.singleton.runIfActive { Result { () throws(AMQPError) in try makeContext() } }
    } catch { return .failure(AMQPError(.cancelled, "The TLS files were not read: the task was cancelled.")) }
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
      if let keyFile = keyFile ?? certificateFile {
        tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem))
      }
      return try NIOSSLContext(configuration: tls)
    } catch {
      throw AMQPError(
        .invalidConfiguration,
        "The TLS files cannot be used. Check that they exist, are PEM, and that the key is under no password.",
        underlying: error)
    }
  }
}
