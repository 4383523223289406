internal import Foundation
internal import Mustache
internal import Warren

/// The texts of the mails, by name: subject, text and HTML, with values in braces. In HTML values are escaped.
enum MailTemplates {
  struct Texts: Equatable {
    var subject: String
    var text: String
    var html: String
  }

  static let sources: [String: Texts] = [
    "otp": Texts(
      subject: "{{{otp}}} is your code",
      text: """
        Hello {{{name}}},

        your code is {{{otp}}}. It is valid for {{minutes}} minutes, once.

        If you did not register, this is a typing error of another person: do nothing.
        """,
      html: """
        <p>Hello {{name}},</p>
        <p>your code is <strong>{{otp}}</strong>. It is valid for {{minutes}} minutes, once.</p>
        <p>If you did not register, this is a typing error of another person: do nothing.</p>
        """),
    "booking_confirmation": Texts(
      subject: "Your seats for {{{movie}}}",
      text: """
        Hello {{{name}}},

        you have booked {{{movie}}}, {{{startsAt}}}.
        Seats:{{#seats}} {{{.}}}{{/seats}}
        Booking: {{{bookingId}}}

        See you there!
        """,
      html: """
        <p>Hello {{name}},</p>
        <p>you have booked <strong>{{movie}}</strong>, {{startsAt}}.</p>
        <p>Seats:{{#seats}} <strong>{{.}}</strong>{{/seats}}<br>Booking: {{bookingId}}</p>
        <p>See you there!</p>
        """),
    "account_exists": Texts(
      subject: "You have an account already",
      text: """
        Hello {{{name}}},

        there was a registration with this address, which has an account already. If it was yours, log in with your password.
        """,
      html: """
        <p>Hello {{name}},</p>
        <p>there was a registration with this address, which has an account already. If it was yours, log in with your password.</p>
        """),
  ]

  /// A template with the values of a message. One that is unknown, or a value that is missing, is nothing that another try
  /// changes: the message is a dead letter.
  static func render(_ name: String, _ content: some Encodable) throws -> Texts {
    guard let source = sources[name] else { throw Outcome.deadLetter("there is no template '\(name)'") }
    let data = try JSONEncoder().encode(content)
    guard let values = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw Outcome.deadLetter("the data of the template '\(name)' is no object")
    }
    for tag in tags(in: source) where values[tag] == nil {
      throw Outcome.deadLetter("the template '\(name)' needs '\(tag)', and the message has none")
    }
    func render(_ text: String) throws -> String {
      try MustacheTemplate(string: text).render(values, library: MustacheLibrary())
    }
    return Texts(subject: try render(source.subject), text: try render(source.text), html: try render(source.html))
  }

  /// The values that a template shows.
  static func tags(in texts: Texts) -> Set<String> {
    let all = texts.subject + texts.text + texts.html
    return Set(all.matches(of: /\{\{[{#]?([A-Za-z]+)\}?\}\}/).map { String($0.1) })
  }
}
