"""SQLAlchemy's ORM, over each of the drivers."""

import sqlalchemy as sa
from sqlalchemy import orm

from client_sqlalchemy import CLIENT, attempt, each_driver

__all__ = ["CLIENT"]


class Base(orm.DeclarativeBase):
    pass


BELONGS = sa.Table(
    "book_topic", Base.metadata, sa.Column("book", sa.ForeignKey("book.id"), primary_key=True),
    sa.Column("topic", sa.ForeignKey("topic.id"), primary_key=True))


class Author(Base):
    __tablename__ = "author"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    version: orm.Mapped[int] = orm.mapped_column()
    books: orm.Mapped[list["Book"]] = orm.relationship(
        back_populates="author", cascade="all, delete-orphan", order_by="Book.title")
    __mapper_args__ = {"version_id_col": version}


class Topic(Base):
    __tablename__ = "topic"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(unique=True)


class Book(Base):
    __tablename__ = "book"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    title: orm.Mapped[str]
    kind: orm.Mapped[str]
    pages: orm.Mapped[int | None]
    upper: orm.Mapped[str] = orm.mapped_column(sa.Computed("upper(title)", persisted=True))
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("author.id"))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")
    topics: orm.Mapped[list[Topic]] = orm.relationship(secondary=BELONGS, order_by="Topic.name")
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "book"}


class Novel(Book):
    __mapper_args__ = {"polymorphic_identity": "novel"}


def filled(connection):
    Base.metadata.create_all(connection)
    connection.commit()
    session = orm.Session(connection)
    topics = [Topic(name=f"topic {n}") for n in range(5)]
    session.add_all([
        Author(name=f"author {a}", books=[
            (Novel if b % 2 else Book)(title=f"book {a}.{b} é", pages=b * 10, topics=topics[:b])
            for b in range(4)]) for a in range(30)])
    session.commit()
    return session


@each_driver("units of work")
def units_of_work(connection):
    session = filled(connection)
    found = [session.scalar(sa.select(sa.func.count()).select_from(Book))]
    author = session.get(Author, 3)
    author.name = "renamed"
    author.books[0].title = "new title"
    author.books.pop()
    session.flush()
    found.append([author.version, author.books[0].upper])
    session.commit()
    session.delete(session.get(Author, 4))
    session.commit()
    found.append(session.scalar(sa.select(sa.func.count()).select_from(Book)))
    with session.begin_nested():
        session.add(Topic(name="nested"))

    def twice():
        with session.begin_nested():
            session.add(Topic(name="nested"))
    found.append(attempt(twice))
    session.commit()
    # Another has changed the row: the version says so.
    stale = session.get(Author, 5)
    session.execute(sa.text("update author set version = 9 where id = 5"))
    stale.name = "too late"
    found.append(attempt(session.flush))
    session.rollback()
    merged = session.merge(Topic(id=2, name="merged"))
    session.commit()
    found.append(merged.name)
    session.refresh(merged, with_for_update=True)
    session.rollback()
    return found


@each_driver("loading")
def loading(connection):
    session = filled(connection)
    session.expunge_all()
    found = []
    for option in (orm.lazyload, orm.joinedload, orm.selectinload, orm.subqueryload):
        query = sa.select(Author).options(option(Author.books)).order_by(Author.id).limit(3)
        authors = session.scalars(query).unique().all()
        found.append([[author.name, [(type(b).__name__, b.title, [t.name for t in b.topics])
                                     for b in author.books]] for author in authors])
        session.expunge_all()
    query = sa.select(Book).order_by(Book.id).execution_options(yield_per=7)
    found.append(sum(book.pages for book in session.scalars(query)))
    found.append(
    session.execute(
        sa.select(
            Author.name,
            sa.func.count(
                Book.id),
                sa.func.sum(
                    Book.pages).over(
                        order_by=Author.id)) .join(
                            Author.books).where(
                                Book.pages > 0).group_by(
                                    Author.id,
                                    Book.pages) .order_by(
                                        Author.id,
                                         Book.pages).limit(9)).all())
    nested = sa.select(Book.author_id).where(Book.title.ilike("%1.2%")).scalar_subquery()
    found.append(
    session.scalars(
        sa.select(
            Author.name).where(
                Author.id.in_(nested)).order_by(
                    Author.id)).all())
    return found


@each_driver("statements for many rows")
def many_rows(connection):
    session = filled(connection)
    found = [len(session.scalars(
        sa.insert(Topic).returning(Topic), [{"name": f"t{n}"} for n in range(1500)]).all())]
    session.execute(sa.update(Book), [{"id": n, "pages": n} for n in range(1, 100)])
    found.append(session.execute(
        sa.update(Book).where(Book.pages > 90).values(pages=0).returning(Book.id)
        .execution_options(synchronize_session="fetch")).all().__len__())
    session.bulk_save_objects([Topic(name=f"bulk{n}") for n in range(50)])
    session.bulk_insert_mappings(Topic, [{"name": f"mapped{n}"} for n in range(50)])
    found.append(session.execute(sa.delete(Topic).where(Topic.name.like("bulk%"))).rowcount)
    session.commit()
    found.append(session.scalar(sa.select(sa.func.count()).select_from(Topic)))
    return found
