internal import Foundation
internal import NIOCore
internal import ServiceLifecycle

/// An HTTP server. Where it cannot listen, it names the address and the option that chooses another.
struct ListeningService: Service {
  let server: any Service
  let host: String
  let port: UInt16
  let option: String

  func run() async throws {
    do {
      try await server.run()
    } catch let error as IOError {
      throw StartError(Self.text(error.errnoCode, host: host, port: port, option: option))
    } catch let error as SocketAddressError {
      throw StartError("'\(host)' is not an address of this machine (\(error)): choose another with --host")
    }
  }

  static func text(_ code: CInt, host: String, port: UInt16, option: String) -> String {
    switch code {
    case EADDRINUSE:
      "the port \(port) of \(host) is in use: end the process that has it, or choose another with \(option)"
    case EACCES: "this user may not listen on port \(port): choose one above 1023 with \(option)"
    case EADDRNOTAVAIL: "'\(host)' is not an address of this machine: choose another with --host"
    default: "\(host) cannot be listened on at port \(port): \(String(cString: strerror(code)))"
    }
  }
}
