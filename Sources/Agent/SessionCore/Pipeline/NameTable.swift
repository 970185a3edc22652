internal import PostgresWire

/// Values by the name of a statement or portal; the unnamed one costs no hashing.
struct NameTable<Value: Sendable>: Sendable {
  private var unnamed: Value?
  private var named: [WireName: Value] = [:]

  subscript(name: WireName) -> Value? {
    get { name.isUnnamed ? unnamed : named.isEmpty ? nil : named[name] }
    set {
      if name.isUnnamed {
        unnamed = newValue
      } else if newValue != nil || !named.isEmpty {
        named[name] = newValue
      }
    }
  }

  /// Those with a name.
  var namedValues: some Collection<Value> { named.values }

  /// Takes the values off; they are handed to `body`.
  mutating func removeAll(named onlyNamed: Bool = false, _ body: (Value) -> Void = { _ in }) {
    if !named.isEmpty {
      for value in named.values { body(value) }
      named.removeAll()
    }
    guard !onlyNamed, let value = unnamed else { return }
    body(value)
    unnamed = nil
  }
}

extension NameTable: Equatable where Value: Equatable {}
