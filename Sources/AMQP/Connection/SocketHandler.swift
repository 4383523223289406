import NIOCore
import NIOSSL
import NIOTLS

/// Carries bytes and events from the socket to the connection. It decides nothing.
final class SocketHandler: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer

  private let connection: AMQPConnection
  private let link: Link

  init(connection: AMQPConnection, link: Link) {
    self.connection = connection
    self.link = link
  }

  func channelActive(context: ChannelHandlerContext) {
    let socket = context.channel
    connection.assumeIsolated { $0.socketActive(socket, self.link) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    connection.assumeIsolated { $0.received(bytes, self.link) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    connection.assumeIsolated { $0.readComplete(self.link) }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    guard context.channel.isWritable else { return }
    connection.assumeIsolated { $0.becameWritable(self.link) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted = event {
      let certificate = try? context.channel.pipeline.syncOperations.nioSSL_peerCertificate()
      connection.assumeIsolated { $0.tlsReady(certificate, self.link) }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // The first is the cause, what follows it are consequences.
    if link.underlying == nil { link.underlying = error }
    link.closeAtOnce()
  }

  func channelInactive(context: ChannelHandlerContext) {
    connection.assumeIsolated { $0.socketEnded(self.link) }
  }
}
