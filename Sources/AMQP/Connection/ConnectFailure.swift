internal import NIOCore
internal import NIOPosix

/// Why a connection could not be made, in words.
enum ConnectFailure {
  /// `connection refused`, `the name is not known`, `no answer within 5 s`.
  static func words(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      if let attempt = error.connectionErrors.first { return words(attempt.error) }
      return error.dnsAError != nil || error.dnsAAAAError != nil ? "the name is not known" : "\(error)"
    case ChannelError.connectTimeout(let time): return "no answer within \(Duration.nanoseconds(time.nanoseconds))"
    case let error as IOError: return "\(String(cString: strerror(error.errnoCode)).lowercased())"
    default: return "\(error)"
    }
  }
}
