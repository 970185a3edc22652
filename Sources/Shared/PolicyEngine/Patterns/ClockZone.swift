internal import Foundation

/// The zone of a time window: `UTC`, an offset such as `+02:00`, or a name of the IANA database.
///
/// Names are looked up in the data that Foundation has on this machine.
struct ClockZone: PolicyText {
  private let name: String
  /// `nil` for a fixed offset.
  private let zone: TimeZone?
  private let fixedOffset: Int

  static let utc = ClockZone(name: "UTC", zone: nil, fixedOffset: 0)

  init(text: String) throws(PatternFailure) {
    if text == "UTC" {
      self = .utc
    } else if let offset = Self.offset(text) {
      self.init(name: text, zone: nil, fixedOffset: offset)
    } else if text.contains("/"), text.utf8.count <= 64, let zone = TimeZone(identifier: text) {
      self.init(name: text, zone: zone, fixedOffset: 0)
    } else {
      throw PatternFailure(
        "\(text.debugDescription) is not a time zone",
        remedy: "write UTC, an offset such as +02:00, or a name such as Europe/Berlin")
    }
  }

  private init(name: String, zone: TimeZone?, fixedOffset: Int) {
    self.name = name
    self.zone = zone
    self.fixedOffset = fixedOffset
  }

  var description: String { name }

  static func == (left: Self, right: Self) -> Bool { left.name == right.name }
  func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// Seconds east of UTC.
  func offset(atUnix seconds: Int64) -> Int {
    guard let zone else { return fixedOffset }
    return zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
  }

  /// `+HH:MM` or `-HH:MM`, up to 14 hours.
  private static func offset(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    guard bytes.count == 6, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"),
      bytes[3] == UInt8(ascii: ":"),
      [1, 2, 4, 5].allSatisfy({ (0x30...0x39).contains(bytes[$0]) })
    else { return nil }
    let digits = bytes.map { Int($0) - 0x30 }
    let hours = digits[1] * 10 + digits[2]
    let minutes = digits[4] * 10 + digits[5]
    guard hours < 14 || hours == 14 && minutes == 0, minutes < 60 else { return nil }
    return (bytes[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
  }
}
