internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// A mail server on this machine that keeps what it gets, and delivers nothing.
struct SMTPCatcher: Service {
  let port: UInt16
  let box: MailBox
  let whenListening: @Sendable (Int) async -> Void
  /// What a client may send without the end of a line.
  private static let lineLimit = 1 << 20

  func run() async throws {
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .bind(host: "127.0.0.1", port: Int(port)) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    await whenListening(server.channel.localAddress?.port ?? Int(port))
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        try? await server.executeThenClose { clients in
          for try await client in clients { group.addTask { try? await serve(client) } }
        }
        group.cancelAll()
      }
    }
  }

  private func serve(_ client: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
    try await client.executeThenClose { incoming, outgoing in
      var session = SMTPSession()
      var rest = ByteBuffer()
      try await outgoing.write(ByteBuffer(string: SMTPSession.greeting + "\r\n"))
      for try await part in incoming {
        rest.writeImmutableBuffer(part)
        while let line = Self.line(&rest) {
          for step in session.receive(line, at: Date()) {
            switch step {
            case .reply(let text): try await outgoing.write(ByteBuffer(string: text + "\r\n"))
            case .mail(let mail): box.add(mail)
            case .close: return
            }
          }
        }
        if rest.readableBytes > Self.lineLimit { return }
        rest.discardReadBytes()
      }
    }
  }

  /// The next whole line, without its end.
  private static func line(_ buffer: inout ByteBuffer) -> Data? {
    guard let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let length = end - buffer.readerIndex
    guard let bytes = buffer.readBytes(length: length + 1) else { return nil }
    let line = bytes.dropLast()
    return Data(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
  }
}
