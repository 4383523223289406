internal import HTTPTypes
internal import Warren

/// Why a request is not answered as it was asked: a status and a sentence that says what to do next.
struct Refusal: Error {
  let status: HTTPResponse.Status
  let text: String

  init(_ status: HTTPResponse.Status, _ text: String) {
    self.status = status
    self.text = text
  }

  /// What a broker's error means to a browser.
  init(_ error: BrokerError) {
    let status: HTTPResponse.Status
    switch error.code {
    case .notFound, .unroutable: status = .notFound
    case .invalid, .tooLarge: status = .badRequest
    case .topologyConflict, .ambiguous: status = .conflict
    case .unavailable, .deadline, .notRunning, .stopped, .full: status = .serviceUnavailable
    case .unsupported: status = .notImplemented
    default: status = .internalServerError
    }
    self.init(status, error.message)
  }
}
