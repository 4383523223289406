internal import EventBookingModel
internal import ExampleSupport
internal import Hummingbird

extension Page {
  /// By the parameters of a request: `page` from 1, and `limit`, 1 to 100.
  init(_ request: Request) throws {
    guard let number = Int(request.query("page") ?? "1"), (1...100_000).contains(number) else {
      throw APIError.field("page", "must be a number from 1 on")
    }
    guard let size = Int(request.query("limit") ?? "50"), (1...100).contains(size) else {
      throw APIError.field("limit", "must be a number from 1 to 100")
    }
    self.init(limit: size, offset: (number - 1) * size)
  }
}
