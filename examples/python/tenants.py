"""A tenant for each customer, and databases within it: names and records are apart.

    python tenants.py

Each client looks at one database of one tenant. Customers may give their collections the same
names; none sees another's, and the records of one that leaves go with its databases.

Needs: viridian, NumPy.
"""
import tempfile

import viridian
from viridian.embedding_functions import HashingEmbeddingFunction

ORDERS = {
    "bakery": ["ten sacks of flour", "a crate of apples"],
    "garage": ["four winter tyres", "a litre of oil", "apples for the break"],
}

with tempfile.TemporaryDirectory() as directory, viridian.PersistentClient(directory):
    admin = viridian.AdminClient(viridian.Settings(is_persistent=True, persist_directory=directory))
    for customer, orders in ORDERS.items():
        admin.create_tenant(customer)
        for database in ("live", "test"):
            admin.create_database(database, tenant=customer)
        with viridian.PersistentClient(directory, tenant=customer, database="live") as client:
            client.create_collection("orders", embedding_function=HashingEmbeddingFunction()).add(
                ids=[str(i) for i in range(len(orders))], documents=orders)

    for customer in ORDERS:
        with viridian.PersistentClient(directory, tenant=customer, database="live") as client:
            orders = client.get_collection("orders")
            found = orders.query(query_texts="apples", n_results=1)["documents"][0][0]
            print(f"{customer}: {orders.count()} orders, apples: {found}")
            client.set_database("test")
            print(f"{customer}: {client.count_collections()} collections in test")

    admin.delete_database("live", tenant="bakery")
    left = {customer: [database["name"] for database in admin.list_databases(tenant=customer)]
            for customer in ORDERS}
    print(f"after the bakery left: {left}")
