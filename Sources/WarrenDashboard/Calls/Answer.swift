internal import Foundation
internal import HTTPTypes

/// What a request is answered with.
enum Answer: Sendable {
  case page(Page)
  /// Go and see this page, after something was done.
  case see(Link)
  case json(Data, HTTPResponse.Status)
  /// Bytes that never change under this address.
  case asset([UInt8], type: String)
  /// Updates of the regions of a page.
  case stream(LivePage)
}

/// A page without its frame.
struct Page: Sendable {
  /// A part that can be swapped for a newer one.
  struct Region: Sendable, Equatable {
    var id: String
    var content: HTML
  }
  var title: String
  var section: Section
  var status: HTTPResponse.Status = .ok
  /// Where this page is below its section: links and titles.
  var trail: [Trail] = []
  var regions: [Region]
  /// Whether the regions are kept up to date while the page is open.
  var isLive = false
  /// Whether the browser asks for the page again after a moment.
  var refreshes = false

  struct Trail: Sendable {
    var title: String
    var link: Link
  }

  /// What the navigation leads to.
  enum Section: String, CaseIterable, Sendable {
    case overview, queues, deadLetters, failures, workers, schedules, outbox, topology, broker, operations, audit
  }
}

/// A page whose regions are sent again and again.
struct LivePage: Sendable {
  let call: Call
  let render: @Sendable (Call) async throws -> Page
}
