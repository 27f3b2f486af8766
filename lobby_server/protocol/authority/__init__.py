"""What is answered to the owner of an account and to administrators, and to nobody else."""
