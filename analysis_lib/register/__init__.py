"""Who is in the data: columns declared once, reading, DREAM codes to states, simulation."""
