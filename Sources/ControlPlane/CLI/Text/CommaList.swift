/// Splits what a person gives as one argument with commas, or as several arguments.
enum CommaList {
  /// The items without surrounding spaces, empty ones dropped, repeated ones once.
  static func items(_ arguments: [String]) -> [String] {
    var seen: Set<String> = []
    return
      arguments
      .flatMap { $0.split(separator: ",") }
      .map { String($0.trimmingPrefix(while: \.isWhitespace)).trimmingSuffixSpaces() }
      .filter { !$0.isEmpty && seen.insert($0).inserted }
  }
}

extension String {
  fileprivate func trimmingSuffixSpaces() -> String {
    var text = self[...]
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
