import Foundation
import Testing

@testable import Warren

/// What is decided of a key by its record in a store: pure.
@Suite struct UniqueRecordTests {
  private let start = Date(timeIntervalSince1970: 1_800_000_000)
  private let keep = Uniqueness.key("k", for: .seconds(60))
  private let replace = Uniqueness.key("k", for: .seconds(60), onRepeat: .replace)
  private let debounce = Uniqueness.key("k", for: .zero, onRepeat: .debounce(longest: .seconds(30)))

  private func at(_ seconds: Double) -> Date { start + seconds }

  /// Reserves, and notes that it was stored.
  private func publish(
    _ record: inout UniqueRecord, _ unique: Uniqueness, _ id: MessageID, due: Double? = nil, at time: Double
  ) throws -> Int64 {
    let number = try reserve(&record, unique, id, due: due, at: time)
    record.note(stored: number)
    return number
  }

  private func reserve(
    _ record: inout UniqueRecord, _ unique: Uniqueness, _ id: MessageID, due: Double? = nil, at time: Double
  ) throws -> Int64 {
    guard case .publish(let number, _) = record.reserve(unique, id, due: due.map { at($0) }, now: at(time)) else {
      throw Unexpected()
    }
    return number
  }
  /// Which of these numbers a worker handles when it has them now, one after the other.
  private func begun(_ record: inout UniqueRecord, _ numbers: Int64...) -> [Bool] { numbers.map { record.begin($0) } }
  private struct Unexpected: Error {}

  private func isRepeated(_ record: UniqueRecord, _ unique: Uniqueness, _ id: MessageID, at time: Double) -> Bool {
    var record = record
    return record.reserve(unique, id, due: nil, now: at(time)) == .repeated
  }

  @Test func keepKeepsRepeatsOutUntilTheWindowAfterIsOver() throws {
    var record = UniqueRecord()
    let number = try reserve(&record, keep, "a", at: 0)
    #expect(isRepeated(record, keep, "b", at: 0))
    record.note(stored: number)
    #expect(isRepeated(record, keep, "b", at: 10_000) && isRepeated(record, keep, "a", at: 10_000))
    let isBegun = begun(&record, number)
    #expect(isBegun == [true] && record.expiry(now: at(10_000)) == nil)
    #expect(isRepeated(record, keep, "b", at: 10_000))
    record.finish(number, window: keep.window, now: at(10_000))
    #expect(isRepeated(record, keep, "b", at: 10_059) && isRepeated(record, replace, "b", at: 10_059))
    #expect(!isRepeated(record, keep, "b", at: 10_061))
    #expect(try #require(record.expiry(now: at(10_000))) > at(10_060))
  }

  @Test func whatFailedFreesTheKeyAndWhatIsInDoubtMayBePublishedAgain() throws {
    var record = UniqueRecord()
    let first = try reserve(&record, keep, "a", at: 0)
    // The same id is the same job, with the same number, also much later.
    var again = try reserve(&record, keep, "a", at: 1)
    #expect(again == first)
    #expect(isRepeated(record, keep, "b", at: 200))
    #expect(!isRepeated(record, keep, "b", at: 302), "a publisher that died holds nothing up for ever")
    again = try reserve(&record, keep, "a", at: 400)
    #expect(again == first)
    record.note(failed: first)
    #expect(!isRepeated(record, keep, "b", at: 400))
    let second = try publish(&record, keep, "b", at: 400)
    let isBegun = begun(&record, first, second)
    #expect(second > first && isBegun == [false, true])
  }

  @Test func aCopyIsSupersededOnceANewerOneIsStored() throws {
    var record = UniqueRecord()
    let first = try publish(&record, replace, "a", at: 0)
    let second = try reserve(&record, replace, "b", at: 1)
    var other = record
    // The newer one may never come. Once a worker has it, it is stored.
    var isBegun = begun(&other, first, second, first)
    #expect(isBegun == [true, true, false])
    record.note(failed: second)
    isBegun = begun(&record, first)
    #expect(isBegun == [true])
    let third = try publish(&record, replace, "c", at: 2)
    isBegun = begun(&record, first)
    #expect(isBegun == [false], "its retry, too")
    // The first ends after the third was stored: that one waits, and its window has not begun.
    record.finish(first, window: replace.window, now: at(3))
    #expect(isRepeated(record, keep, "d", at: 3) && !isRepeated(record, replace, "d", at: 3))
    isBegun = begun(&record, third)
    #expect(isBegun == [true])
    record.finish(third, window: .zero, now: at(4))
    isBegun = begun(&record, third, second, first)
    #expect(isBegun == [false, false, false])
    #expect(!isRepeated(record, keep, "d", at: 4.001))
  }

  @Test func repeatsPutAJobOffUpToTheLongestDelay() throws {
    var record = UniqueRecord()
    func due(_ time: Double) -> Double? {
      guard case .publish(let number, let due?) = record.reserve(debounce, "\(time)", due: at(time + 10), now: at(time))
      else { return nil }
      record.note(stored: number)
      return due.timeIntervalSince(start)
    }
    let dues = [0, 9, 18, 27].map(due)
    #expect(dues == [10, 19, 28, 30])
    // The longest delay is over, and no worker has come: that one stays, whatever comes after it.
    let overdue = record.last
    let later = due(31)
    #expect(later == 41)
    let next = record.last
    var isBegun = begun(&record, overdue)
    #expect(isBegun == [true] && record.first == at(31), "it is not the end of what comes after it")
    record.finish(overdue, window: .zero, now: at(32))
    isBegun = begun(&record, overdue, next)
    #expect(isBegun == [false, true])
    // While it runs the next series begins.
    let next35 = due(35)
    #expect(next35 == 45 && record.first == at(35))
  }

  @Test func whatAnOperatorDeletesFreesTheKeyAndIsHandledShouldItBeThere() throws {
    var record = UniqueRecord()
    let first = try publish(&record, keep, "a", at: 0)
    record.note(deleted: first - 1)
    #expect(isRepeated(record, keep, "b", at: 1), "that was another copy")
    record.note(deleted: first)
    #expect(!isRepeated(record, keep, "b", at: 1) && record.expiry(now: at(1)) != nil)
    // It was not deleted after all: it is the job again.
    var other = record
    var isBegun = begun(&other, first)
    #expect(isBegun == [true] && isRepeated(other, keep, "b", at: 1))
    // Once there is a newer one it is superseded.
    let second = try publish(&record, keep, "b", at: 1)
    isBegun = begun(&record, first, second)
    #expect(isBegun == [false, true])
    record.finish(second, window: keep.window, now: at(2))
    record.note(deleted: second)
    #expect(isRepeated(record, keep, "c", at: 3), "what was done has its window")
  }

  @Test func theRecordOutlivesTheCopiesThatItSupersedes() throws {
    var record = UniqueRecord()
    let late = try publish(&record, replace, "a", due: 1_000_000, at: 0)
    let now = try publish(&record, replace, "b", at: 1)
    var isBegun = begun(&record, now)
    record.finish(now, window: .zero, now: at(2))
    isBegun += begun(&record, late)
    #expect(try isBegun == [true, false] && #require(record.expiry(now: at(2))) > at(1_000_000))
    // Numbers grow with time: a record that was forgotten begins behind those of before.
    var new = UniqueRecord()
    let newer = try publish(&new, keep, "c", at: 2_000_000)
    #expect(newer > now)
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    var record = UniqueRecord()
    _ = try publish(&record, debounce, "a", due: 5, at: 0)
    _ = try reserve(&record, debounce, "b", due: 6, at: 40)
    let read = try JSONDecoder().decode(UniqueRecord.self, from: JSONEncoder().encode(record))
    #expect(read == record && read.overdue != nil && read.first != nil)
    for key in ["k", "two words", " ", "7 8 9", "ключ\n"] {
      let mark = UniqueMark(key: key, number: 7, window: .milliseconds(1500))
      let message = Message(id: nil, name: nil, body: Data(), headers: [UniqueMark.header: mark.text])
      #expect(UniqueMark(message) == mark)
    }
    for wrong in ["", "7", "7 k", "x 7 k"] {
      #expect(UniqueMark(Message(id: nil, name: nil, body: Data(), headers: [UniqueMark.header: wrong])) == nil)
    }
  }
}
