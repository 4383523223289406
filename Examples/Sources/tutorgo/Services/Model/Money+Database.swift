public import GRDB
public import TutorGoMessaging

/// Amounts are stored in cents.
extension Money: DatabaseValueConvertible {
  /// The cents.
  public var databaseValue: DatabaseValue { cents.databaseValue }
  /// An amount from its cents.
  public static func fromDatabaseValue(_ value: DatabaseValue) -> Money? {
    Int64.fromDatabaseValue(value).map { Money(cents: $0) }
  }
}
