/// The first thing that keeps a grant or rule from matching.
///
/// It has no payload, so that judging costs nothing for it; the words are made by ``Mismatch`` when
/// somebody asks.
enum MatchKey: Hashable, Sendable {
  case connection, label
  case role, principal, kind, depth, network, application
  case time, effects, opaque, understood, unfiltered, filtered
  case commands, tables, reads, writes, columns, functions, settings
}

/// How to take what a statement or a client leaves open.
enum Certainty: Hashable, Sendable {
  /// Open counts as a match: in what refuses, holds or masks.
  case possible
  /// Open counts as no match: in what allows.
  case sure
}
