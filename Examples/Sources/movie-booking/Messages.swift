internal import Warren

/// The code that proves an address: the worker mails it to a person who registers.
struct CodeMail: JobMessage {
  static let name: MessageName = "OTP"
  static let queue = Layout.emails
  static let retry = Layout.retry
  static let codec: any MessageCodec = .plain

  struct Content: Codable {
    var to: String
    var name: String
    var otp: String
    var minutes: Int
  }
  var type = "OTP"
  var template = "otp"
  var data: Content
}

/// A mail that has no code in it.
struct Email: JobMessage {
  static let name: MessageName = "EMAIL"
  static let queue = Layout.emails
  static let retry = Layout.retry
  static let codec: any MessageCodec = .plain

  /// What the templates show; each takes what it needs.
  struct Content: Codable {
    var to: String
    var name: String
    var bookingId: String?
    var movie: String?
    var startsAt: String?
    var seats: [String]?
  }
  var type = "EMAIL"
  /// The file of the template, without its ending: `booking_confirmation`.
  var template: String
  var data: Content
}
