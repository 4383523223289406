internal import Logging
internal import Warren
internal import WarrenGRDB

extension Store {
  /// Carries the events of what was saved to the broker, with a line in the log for each.
  func relay(to broker: any Broker, engine: String, logger: Logger) -> OutboxRelay {
    let notConnected: @Sendable (any Error) -> Void = { error in
      logger.error("Not connected to \(engine)", metadata: ["error": "\(error)", "events": "wait in the outbox"])
    }
    var options = OutboxRelay.Options()
    options.onReceipt = { publication, receipt in
      let event = publication.message.name ?? ""
      let metadata: Logger.Metadata = ["id": "\(receipt.id)"]
      switch receipt.result {
      case .stored, .repeated: logger.info("\(event) event published", metadata: metadata)
      case .unroutable: logger.error("\(event) event reached no queue", metadata: metadata)
      default:
        // The relay logs every failure, and tries again.
        if let error = receipt.result.error, [.unavailable, .deadline].contains(error.code) { notConnected(error) }
      }
    }
    options.onPause = notConnected
    return OutboxRelay(outbox, to: broker, options: options, logger: logger)
  }
}
