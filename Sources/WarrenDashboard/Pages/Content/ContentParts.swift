internal import Foundation
internal import Warren
internal import WarrenOperations

/// What is in a message, and what it has been through: the same for those that wait and for dead letters.
struct ContentParts {
  let queue: QueueName
  let body: BodyView?
  var contentType: String?
  var contentEncoding: String?
  let headers: Message.Headers
  /// Whether its secrets are shown.
  let isRevealed: Bool
  /// Where the form that uncovers them goes, with its fields.
  let reveal: (path: String, fields: [(String, String?)])

  func content(_ call: Call) -> HTML {
    guard call.may(.seeMessages, queue) else {
      return Parts.card("Content") {
        Parts.empty("Not for you to see") {
          "As \(call.visitor.role.rawValue) you see what happened to messages, and not what is in them."
        }
      }
    }
    let hides = body?.isMasked == true || headers.values.contains { $0.contains(Mask.placeholder) }
    return HTML([
      Parts.card("Payload") {
        if isRevealed {
          Tags.p(.class("notice warning")) { "▲ Nothing is hidden here. That you looked is written in the audit." }
        } else if hides {
          Tags.div(.class("actions")) {
            Tags.p(.class("muted")) { "What looks like a secret is hidden." }
            if call.may(.reveal, queue) {
              Parts.form(call, to: reveal.path, reveal.fields) {
                Tags.button(.type("submit"), .class("quiet")) { "Show it (written in the audit)" }
              }
            }
          }
        }
        if let body { BodyParts.body(body, contentType, contentEncoding) }
      },
      Parts.card("Headers") {
        if headers.isEmpty {
          Tags.p(.class("muted")) { "It has none." }
        } else {
          Tags.dl(.class("facts")) {
            for (name, value) in headers.sorted(by: { $0.key < $1.key }) { Parts.row(name, Tags.code { value }) }
          }
        }
      },
    ])
  }

  /// Published, each attempt, and what it is doing now.
  static func timeline(
    published: Date?, _ failures: [Failure], _ last: HTML, attempts: Int, interruptions: Int, _ call: Call
  ) -> HTML {
    Parts.card("What it has been through") {
      Tags.ol(.class("timeline")) {
        if let published {
          Tags.li(.class("good")) {
            Tags.strong { "Published" }
            Tags.p(.class("muted")) { Show.exact(published, now: call.desk.now) }
          }
        }
        for failure in failures {
          Tags.li(.class("bad")) {
            Tags.strong { failure.attempt == 0 ? "Not attempted" : "Attempt \(failure.attempt) failed" }
            Tags.p(.class("error")) { "\(failure.error): \(failure.message)" }
            Tags.p(.class("muted")) {
              Show.exact(failure.time, now: call.desk.now)
              if !failure.worker.isEmpty { " on \(failure.worker)" }
            }
          }
        }
        last
      }
      Tags.p(.class("muted")) {
        Show.count(attempts, "failed attempt")
        if interruptions > 0 { ", \(Show.count(interruptions, "interruption")) by the death of a worker" }
        attempts > failures.count ? ". The last \(failures.count) are on record." : "."
      }
    }
  }
}
