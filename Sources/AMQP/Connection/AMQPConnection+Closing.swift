import NIOCore

// The end from this side, and the end for good.
extension AMQPConnection {
  /// Begins to close, once. Everything from here on happens by events and timers.
  func beginClose() {
    guard !isClosing else { return }
    isClosing = true
    guard hasRun else { return finish(.success(())) }
    endPause()
    interruption?()
    let error = AMQPError(.connectionClosed, "The connection is being closed: nothing more is sent.")
    for core in cores.values { failPending(core, error) }
    complete()
    guard let link else { return }
    guard link.isOpen else { return abort(link, AMQPError(.connectionClosed, "The connection was closed.")) }
    link.closeTimer = eventLoop.scheduleTask(in: TimeAmount(configuration.closeTimeout)) {
      self.assumeIsolated { $0.sendClose(link) }
    }
    closeIfDrained(link)
    // The answer has to be read, also if a consumer holds the reads.
    if link.gate.isConcerned { updateReading(link) }
  }

  /// Sends connection.close once no confirm is due any more.
  func closeIfDrained(_ link: Link) {
    guard isClosing, link.isOpen, !link.hasEnded else { return }
    if cores.values.allSatisfy({ $0.machine.publishing.outstanding == 0 }) { sendClose(link) }
  }

  private func sendClose(_ link: Link) {
    guard link.isOpen, !link.hasEnded else { return }
    for core in cores.values { writeSettlements(core, link) }
    run(link.machine.close(), link)
    link.closeTimer?.cancel()
    link.closeTimer = eventLoop.scheduleTask(in: TimeAmount(configuration.closeTimeout)) {
      self.assumeIsolated { _ in link.closeAtOnce() }
    }
  }

  /// Ends everything for good.
  func finish(_ result: Result<Void, AMQPError>) {
    let error: AMQPError
    switch result {
    case .success: error = AMQPError(.connectionClosed, "The connection was closed.")
    case .failure(let failure): error = failure
    }
    isClosing = true
    for core in cores.values { end(core, error, quietly: error.code == .connectionClosed) }
    cores = [:]
    complete()
    if case .failure = result { stateBox.set(.failed(error)) } else { stateBox.set(.closed) }
    for waiter in closeWaiters { waiter.resume() }
    closeWaiters = []
  }
}
